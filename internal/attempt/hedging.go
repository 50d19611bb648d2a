package attempt

import (
	"errors"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
	"github.com/caddy-balance/caddy-balance/internal/recovered"
)

// Hedging says when the requests to a pool go to a second endpoint because the first takes long
// (Dean and Barroso, The Tail at Scale, 2013).
type Hedging struct {
	// Roster is the list of the pool.
	Roster *endpoint.Roster

	// Share is the share of the requests of a route that are answered before a hedge is sent.
	Share float64

	// Most is the maximum number of hedges, as a share of all requests.
	Most float64

	// Pick picks an endpoint for a request, and makes the reserved place the request's own.
	Pick func(*http.Request) (e *endpoint.Endpoint, listed bool)

	// Log gets a panic of a second attempt.
	Log *zap.Logger
}

// Hedge makes requests to a pool be hedged. It may only be called while the handler is provisioned.
func (t *Transport) Hedge(h Hedging) { t.hedgings = append(t.hedgings, h) }

// IsFastCGI reports whether the transport is Caddy's for FastCGI. It passes over the context of a
// request once it is connected, so that nothing ends an attempt before its endpoint answers.
func (t *Transport) IsFastCGI() bool {
	m, ok := t.RoundTripper.(caddy.Module)
	return ok && m.CaddyModule().ID == "http.reverse_proxy.transport.fastcgi"
}

// minHedgeDelay is the least time after which a hedge is sent. Timers are not much finer, and less
// is not worth another request.
const minHedgeDelay = time.Millisecond

// hedge returns the hedge of an attempt that is about to be sent, nil if there is to be none.
func (t *Transport) hedge(a *Attempt, req *http.Request) *hedge {
	if len(t.hedgings) == 0 || a.others != nil {
		return nil
	}
	for i := range t.hedgings {
		h := &t.hedgings[i]
		if !a.endpoint.IsOf(h.Roster) {
			continue
		}
		a.endpoint.EarnHedge(h.Most)
		if attempts := t.attemptsOf(req); attempts != nil && t.mayHedge(a, req) {
			return newHedge(h, attempts, a, req)
		}
	}
	return nil
}

// mayHedge reports whether a request may be sent twice at the same time, and whether its time says
// anything. RFC 9110 calls PUT and DELETE idempotent too, but of two that run side by side, the
// second may be answered as if the first had failed.
func (t *Transport) mayHedge(a *Attempt, req *http.Request) bool {
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions:
	default:
		return false
	}
	return (req.Body == nil || req.Body == http.NoBody) && kindOf(req) == load.Plain &&
		a.trial == 0 && a.route.Route != nil && !a.route.Parked && !t.ProxyProtocolEnabled()
}

// isWorthHaving reports whether the answer to a hedge is given to the client while the first
// endpoint may still give a better one.
func isWorthHaving(res *http.Response, err error) bool {
	return err == nil && outcomeOf(nil, false, res.StatusCode) == Worked
}

// logPanic logs a panic in the goroutine of the timer, as net/http does that of a request.
func (h *Hedging) logPanic(err error) {
	if !errors.Is(err, http.ErrAbortHandler) {
		h.Log.Error("second attempt of a request panicked", recovered.Fields(err)...)
	}
}

// pickHedge picks an endpoint that the request has not tried, and makes the attempt there the
// latest one. It returns nil if there is none, and an error if the policy panics. r is the request
// with variables that no other goroutine uses.
func (a *RequestAttempts) pickHedge(h *Hedging, r *http.Request) (*Attempt, error) {
	if !a.transport.hasUntried(a) {
		return nil, nil
	}
	var e *endpoint.Endpoint
	var listed bool
	a.hedgeRequest, a.note.hedge = r, true
	if err := recovered.Do("the policy", func() { e, listed = h.Pick(r) }); err != nil {
		a.note = pickNote{}
		a.Abandon()
		return nil, err
	}
	a.note.hedge = false
	pick := a.current
	if e == nil || listed || pick == nil || pick.endpoint != e || pick.again {
		a.Abandon()
		return nil, nil
	}
	a.current = nil
	a.sentAttempts = append(a.sentAttempts, pick)
	return pick, nil
}

// IsHedge reports whether the next pick is for an attempt beside another one of the request.
func (a *RequestAttempts) IsHedge() bool { return a != nil && a.note.hedge }
