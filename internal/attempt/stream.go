package attempt

import (
	"net/http"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// A handler below HTTP has no round trips. It says itself how its attempts go.

// streamed is a module that passes on connections instead of requests. Policies inside of it use
// its transport.
type streamed interface{ StreamTransport() *Transport }

// NewStreamTransport returns a transport that only tracks attempts, for a handler that passes
// connections on to the endpoints of a roster. policy returns the name of the policy that picks.
func NewStreamTransport(policy func() string) *Transport {
	t := &Transport{Decay: DefaultDecay, policy: policy, routes: new(load.Routes)}
	t.key = keyFor(t)
	return t
}

// Stream is the attempt of one connection at one endpoint. It holds its place until End.
//
// Its latency is the time that the connection to the endpoint takes, and from there to the first
// byte that the endpoint sends. The time until the client has sent something does not count, unless
// the endpoint speaks first.
type Stream struct {
	attempt *Attempt
	others  *RequestAttempts

	mu       sync.Mutex // both directions of the connection report
	silent   bool       // neither side has sent anything yet
	answered bool
}

// BeginStream makes the pick of the request a stream, which is about to connect. It is nil if there
// is no pick.
func (a *RequestAttempts) BeginStream() *Stream {
	e := a.Picked()
	if e == nil {
		return nil
	}
	s := &Stream{attempt: a.takePick(e.Address()), others: a}
	s.attempt.markSent(load.Now())
	return s
}

// Endpoint returns the endpoint that was picked.
func (s *Stream) Endpoint() *endpoint.Endpoint { return s.attempt.endpoint }

// Fail records that there is no connection to the endpoint, and ends the stream. unreachable says
// that it could not be reached at all; otherwise what followed failed, such as TLS.
func (s *Stream) Fail(err error, unreachable bool) {
	if unreachable {
		err = reverseproxy.NewDialError(err)
	}
	a, now := s.attempt, load.Now()
	a.conclude(now, Failed, endingOfError(err), endpoint.Result{Failed: true, Unreachable: unreachable})
	if unreachable && now.Sub(a.times.sent) <= refusedWithin {
		s.others.refused = append(s.others.refused, a.endpoint)
	}
	a.end()
}

// Connect records that there is a connection to the endpoint.
func (s *Stream) Connect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, now := s.attempt, load.Now()
	a.mu.Lock()
	a.times.connected = now
	a.mu.Unlock()
	s.silent = true
	a.endpoint.Load.Pause(&a.load, now)
	s.others.leaveOutRefused(a.endpoint)
}

// Ask records that the first bytes of the client were sent to the endpoint.
func (s *Stream) Ask() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent {
		s.silent = false
		s.attempt.endpoint.Load.Resume(&s.attempt.load, load.Now())
	}
}

// Answer records the first bytes of the endpoint.
func (s *Stream) Answer() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answered {
		return
	}
	s.answered = true
	a := s.attempt
	if s.silent {
		s.silent = false
		a.endpoint.Load.Unpause(&a.load)
	}
	now := load.Now()
	a.mu.Lock()
	a.times.firstByte = now
	a.mu.Unlock()
	a.conclude(now, Worked, endpoint.Answered, endpoint.Result{Status: http.StatusOK})
	a.endpoint.EndTrial(a.trial)
}

// Break records that the endpoint ended the connection while the client was still there. That is
// its fault if it was asked something and has answered nothing, or if the connection broke.
func (s *Stream) Break(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.answered && err != nil:
		s.attempt.breakStream()
	case !s.answered && (err != nil || !s.silent):
		s.answered = true
		s.attempt.conclude(load.Now(), Failed, endingOfStream(err), endpoint.Result{Failed: true})
	}
}

// End gives the place back. Only the first call has an effect.
func (s *Stream) End() { s.attempt.end() }

// breakStream is breakOff for an endpoint that has answered.
func (a *Attempt) breakStream() {
	if a.spoil() {
		c := a.endpoint.Load.BreakOff(&a.load, load.Now(), a.transport.Decay)
		a.observe(endpoint.Result{Failed: true, Expected: c.Expected})
	}
}

// endingOfStream is endingOfError for a connection that was made. A refusal is news of a datagram
// that found no socket.
func endingOfStream(err error) endpoint.Ending {
	switch {
	case err == nil:
		return endpoint.FailedReset
	case strings.Contains(err.Error(), "refused"): // on every system
		return endpoint.FailedRefused
	}
	return endingOfError(err)
}
