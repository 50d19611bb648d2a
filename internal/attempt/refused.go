package attempt

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

const (
	// refusedRetries is how often a request goes on to another endpoint because its connection was
	// refused, if the config asks for no retries.
	refusedRetries = 5

	// refusedWithin is the time in which a connection fails that is refused, or for which there is
	// no route; the error itself does not tell. It covers a long round trip. A connection that
	// fails later has cost the client time, and another may cost as much.
	refusedWithin = time.Second
)

// retryRefused makes the handler repeat requests whose connection was refused at another endpoint,
// also if the config asks for no retries: nothing was sent, so that nothing can happen twice. A
// config that asks for retries has them as Caddy does.
//
// Caddy repeats an attempt whose error is a DialError, and others by the matchers of
// lb_retry_match. A matcher that matches nothing leaves only the former, and the transport passes
// on only those that may be repeated.
func (t *Transport) retryRefused() {
	if t.handler.LoadBalancing == nil {
		t.handler.LoadBalancing = new(reverseproxy.LoadBalancing)
	}
	lb := t.handler.LoadBalancing
	if lb.Retries > 0 || lb.TryDuration > 0 || len(lb.RetryMatchRaw) > 0 {
		return
	}
	lb.Retries = refusedRetries
	lb.RetryMatch = caddyhttp.MatcherSets{caddyhttp.MatcherSet{nothing{}}}
	t.retriesRefused = true
}

// nothing is a matcher that matches no request.
type nothing struct{}

// MatchWithError implements caddyhttp.RequestMatcherWithError.
func (nothing) MatchWithError(*http.Request) (bool, error) { return false, nil }

// afterError takes note of a refused connection, and returns the error of an attempt as Caddy is to
// see it. After it Caddy repeats the request only if the connection was refused at once, and there
// is another endpoint.
func (t *Transport) afterError(req *http.Request, e *endpoint.Endpoint, began load.Instant, err error) error {
	err = t.afterRefusal(req, e, began, err)
	t.leaveAfter(req, err)
	return t.hideDialing(req, err)
}

// afterRefusal is afterError without regard to a budget.
func (t *Transport) afterRefusal(req *http.Request, e *endpoint.Endpoint, began load.Instant, err error) error {
	if !isRefusal(began, err) {
		return t.final(err)
	}
	attempts := t.attemptsOf(req)
	attempts.noteRefusal(e, began, err)
	if t.retriesRefused && !t.hasUntried(attempts) {
		return t.final(err)
	}
	return err
}

// isRefusal reports whether a connection failed at once, in an attempt that began then.
func isRefusal(began load.Instant, err error) bool {
	return isDialError(err) && load.Now().Sub(began) <= refusedWithin
}

// noteRefusal takes note of an endpoint that has refused the request.
func (a *RequestAttempts) noteRefusal(e *endpoint.Endpoint, began load.Instant, err error) {
	if a != nil && isRefusal(began, err) && !slices.Contains(a.refused, e) {
		a.refused = append(a.refused, e)
	}
}

// final returns an error after which Caddy does not repeat the request on behalf of this package.
func (t *Transport) final(err error) error {
	if t.retriesRefused && isDialError(err) {
		return finalError{err}
	}
	return err
}

// attemptsOf returns the attempts of the request of a round trip, nil if there are none.
func (t *Transport) attemptsOf(req *http.Request) *RequestAttempts {
	vars, _ := req.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
	attempts, _ := vars[t.key].(*RequestAttempts)
	return attempts
}

// finalError is an error that Caddy does not take for one of dialing.
type finalError struct{ error }

// Is lets errors.Is find the causes, while errors.As finds none.
func (e finalError) Is(target error) bool { return errors.Is(e.error, target) }

// hasUntried reports whether there is an endpoint for the request that it was not sent to yet.
func (t *Transport) hasUntried(attempts *RequestAttempts) bool {
	listed := false
	for _, r := range t.rosters {
		s := r.Snapshot()
		listed = listed || len(s.Members) > 0
		for i := range s.Members {
			m := &s.Members[i]
			if usable, _ := s.Usable(m, nil); usable && !m.IsPaused() && !attempts.Tried(m.Endpoint) {
				return true
			}
		}
	}
	return !listed && slices.ContainsFunc(t.handler.Upstreams, func(u *reverseproxy.Upstream) bool {
		return !attempts.triedAddress(u.Dial)
	})
}

// triedAddress reports whether an endpoint with this address was picked for the request before.
func (a *RequestAttempts) triedAddress(address string) bool {
	if a == nil {
		return false
	}
	return slices.ContainsFunc(a.tried, func(e *endpoint.Endpoint) bool { return e.Address() == address })
}

// leaveOutRefused leaves out the endpoints that refused the request before an endpoint of the same
// name and port answered it over the other family of IP addresses. Hosts and services without IPv6
// often have addresses of it all the same, and clients try the addresses of a name in turn (RFC
// 8305).
func (a *RequestAttempts) leaveOutRefused(answered *endpoint.Endpoint) {
	for _, e := range a.refused {
		for _, r := range a.transport.rosters {
			s := r.Snapshot()
			refused, other := find(s, e), find(s, answered)
			if refused != nil && other != nil && refused.IsSibling(other) && e.LeaveOut(load.Now()) {
				r.Emit(endpoint.Event{
					Name: endpoint.LeftOut, Address: e.Address(),
					Reason: "it refuses connections, and " + answered.Address() + " accepts them",
				})
			}
		}
	}
	a.refused = nil
}

// find returns the member of a snapshot that is an endpoint, nil if there is none.
func find(s *endpoint.Snapshot, e *endpoint.Endpoint) *endpoint.Member {
	if m := s.Find(e.Address()); m != nil && m.Endpoint == e {
		return m
	}
	return nil
}

// FoundNoList records that there is no list of endpoints for the request, and reports whether it
// was recorded before.
func (a *RequestAttempts) FoundNoList() (before bool) {
	if a != nil {
		before, a.noList = a.noList, true
	}
	return before
}
