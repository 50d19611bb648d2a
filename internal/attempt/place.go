package attempt

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/limit"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// gateKeyOf returns the key of the place that a request holds at a gate, in its variables.
func gateKeyOf(g *limit.Gate) string { return fmt.Sprintf("balance.place.%p", g) }

// HoldsPlace reports whether the request holds a place in its pool.
func (a *RequestAttempts) HoldsPlace() bool { return a.place != nil && a.place.Held() }

// KeepsPlace reports whether the request holds a place that it does not give back to wait for an
// endpoint: through retries, and if another handler holds it as well.
func (a *RequestAttempts) KeepsPlace() bool { return a.HoldsPlace() && (a.Any() || a.place.IsShared()) }

// HoldPlace makes a place that was just taken at the gate the request's own. It is given back when
// the response was read, or the request ends for any other reason: through a retry the request
// keeps it. w is how the request waited, nil if it did not.
func (a *RequestAttempts) HoldPlace(w *limit.Waiter) {
	a.newPlace().Hold(a.transport.gate, w)
	a.watchPlace()
}

// SharePlace makes the request hold the place that it holds at the same gate in another handler,
// and reports whether there is one. If it waited for a second one, it might wait for itself.
func (a *RequestAttempts) SharePlace() bool {
	t := a.transport
	vars, _ := a.request.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
	other, _ := vars[t.gateKey].(*limit.Place)
	if other == nil || !other.Held() || !a.newPlace().Share(other, t.gate) {
		return false
	}
	a.watchPlace()
	return true
}

// newPlace replaces the place of the request. Attempts before may still use an earlier one.
func (a *RequestAttempts) newPlace() *limit.Place {
	if a.unwatchPlace != nil {
		a.unwatchPlace()
	}
	a.place = new(limit.Place)
	return a.place
}

// watchPlace gives the place back when the request ends, and lets other handlers find it.
func (a *RequestAttempts) watchPlace() {
	place, gate, ctx := a.place, a.transport.gate, a.request.Context()
	if vars, ok := ctx.Value(caddyhttp.VarsCtxKey).(map[string]any); ok {
		vars[a.transport.gateKey] = place
	}
	a.unwatchPlace = context.AfterFunc(ctx, func() {
		place.Leave()
		gate.Freed() // Caddy's own count of the endpoint's requests ends after the response
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

// Turn notes that Caddy asks for an endpoint, for the first time or for a retry.
func (a *RequestAttempts) Turn() {
	a.startClock()
	a.retry.turns++
}

// startClock notes when Caddy asks for an endpoint for the first time.
func (a *RequestAttempts) startClock() {
	if a.retry.began == 0 {
		a.retry.began = load.Now()
	}
}

// LeaveAtLast gives the place of the request back if Caddy will not ask for an endpoint again. What
// serves the request from then on, such as the routes of handle_errors, may take long.
func (a *RequestAttempts) LeaveAtLast() {
	if a.isLastTurn() {
		a.place.Leave()
	}
}

// isLastTurn reports whether Caddy has no tries or no time left, as its LoadBalancing does. Caddy
// looks at the time a moment later. If that makes a difference, the request holds its place longer.
func (a *RequestAttempts) isLastTurn() bool {
	lb := a.transport.handler.LoadBalancing
	most, time := lb.Retries, time.Duration(lb.TryDuration)
	return most == 0 && time == 0 || most > 0 && a.retry.turns > most ||
		time > 0 && load.Now().Sub(a.retry.began) >= time
}

// leaveAfter is LeaveAtLast after an error. Caddy repeats the request only if no connection was
// made, or the matchers of lb_retry_match allow it.
func (t *Transport) leaveAfter(req *http.Request, err error) {
	a := t.attemptsOf(req)
	if t.gate == nil || a == nil || a.place == nil || !a.place.Held() {
		return
	}
	if a.isLastTurn() || !isDialError(err) && (a.hasLostBody() || !t.repeats(req)) {
		a.place.Leave()
	}
}

// repeats reports whether Caddy repeats a request that may have been sent.
func (t *Transport) repeats(req *http.Request) bool {
	if len(t.retries.match) == 0 {
		return req.Method == http.MethodGet
	}
	return t.matchesRetry(req)
}
