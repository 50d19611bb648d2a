package healthprobe

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net/http"
	"regexp"
	"time"
)

// probeState is what an HTTP probe keeps for an endpoint between checks. It has the request,
// because to make the same request again in each check costs about as much as to send it.
type probeState struct {
	endpoint *Endpoint // that the request was made for
	address  address
	request  *http.Request
	encoded  []byte         // the request as sent over HTTP/1.1; nil if it has a body
	body     *regexp.Regexp // what must match in the body of the answer; nil if nothing must

	// idle is the connection for the next check, nil if there is none. Unlike those of
	// http.Transport, it has no goroutine and no buffers while it waits.
	idle *conn
}

// Close implements io.Closer.
func (s *probeState) Close() error {
	if s.idle == nil {
		return nil
	}
	return s.idle.Close()
}

// stateFor returns the state of a target, and makes a new one if there is none or the source has
// changed the endpoint.
func (p *HTTPProbe) stateFor(t *Target) (*probeState, error) {
	old, ok := t.Kept.(*probeState)
	if ok && old.endpoint == t.Endpoint {
		return old, nil
	}
	state, err := p.newState(t.Endpoint)
	if err != nil {
		return nil, err
	}
	switch {
	case ok && old.address == state.address:
		state.idle = old.idle
	case ok:
		old.Close()
	}
	t.Kept = state
	return state, nil
}

func (p *HTTPProbe) newState(e *Endpoint) (*probeState, error) {
	a, err := p.addressOf(e)
	if err != nil {
		return nil, err
	}
	state := &probeState{endpoint: e, address: a}
	if p.body != nil {
		if state.body, err = p.body.of(e); err != nil {
			return nil, err
		}
	}
	if state.request, err = p.request.build(e, a, p.scheme(a)); err != nil {
		return nil, err
	}
	state.request.Close = p.FreshConnections
	var encoded bytes.Buffer
	if state.request.Body == nil && state.request.Write(&encoded) == nil {
		state.encoded = encoded.Bytes()
	}
	return state, nil
}

// A connection serves from minUses to maxUses checks, a minute on average at the default interval.
// It is renewed because only a new connection shows whether the endpoint still accepts any. The
// limit is a number of checks and not a time, so that renewals cost the same share at each
// interval. It is random, so that connections which began together at the start of a pool do not
// all end in one interval.
const (
	minUses = 8
	maxUses = 16
)

func randomUses() int { return minUses + rand.IntN(maxUses-minUses+1) }

// keepConn keeps a connection for the next check. It reports false if the connection must be closed
// instead, because it is used up or its context has ended.
func (s *probeState) keepConn(c *conn) bool {
	c.usesLeft--
	if c.usesLeft <= 0 || !c.unbind() || c.raw.SetDeadline(time.Time{}) != nil {
		return false
	}
	s.idle = c
	return true
}

// takeConn returns the connection of the last check, bound to ctx. It returns nil if there is none
// or it is no longer usable.
func (s *probeState) takeConn(ctx context.Context) *conn {
	c := s.idle
	if c == nil {
		return nil
	}
	s.idle = nil
	if !isIdle(c.raw) {
		c.Close()
		return nil
	}
	c.bind(ctx)
	return c
}
