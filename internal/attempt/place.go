package attempt

import (
	"context"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/limit"
)

// HoldsPlace reports whether the request holds a place in its pool.
func (a *RequestAttempts) HoldsPlace() bool { return a.place != nil && a.place.Held() }

// HoldPlace makes a place that was just taken at a gate the request's own. It is given back when
// the response was read, or the request ends for any other reason: through a retry the request
// keeps it. w is how the request waited, nil if it did not.
func (a *RequestAttempts) HoldPlace(g *limit.Gate, w *limit.Waiter) {
	if a.unwatchPlace != nil {
		a.unwatchPlace()
	}
	a.place = new(limit.Place) // attempts before may still use an earlier one
	a.place.Hold(g, w)
	place := a.place
	a.unwatchPlace = context.AfterFunc(a.request.Context(), func() {
		place.Leave()
		g.Freed() // Caddy's own count of the endpoint's requests ends after the response
	})
}

// CountQueued adds to the time that the request has waited for a place.
func (a *RequestAttempts) CountQueued(d time.Duration) { a.queued += d }

// Place returns the place of the request in its pool, nil if it has never had one.
func (a *RequestAttempts) Place() *limit.Place { return a.place }

// endResponse ends the attempt and with it the part that the pool has in the request, which may go
// on for long after forward_auth.
func (a *Attempt) endResponse() {
	a.end()
	if a.reason != endpoint.Hedge { // its answer may be one that the request does not take
		a.place.Leave()
	}
}
