package attempt

import (
	"net/http"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/limit"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// RequestAttempts are the attempts of one request at one handler. They are in the request's
// variables under a key of the handler, because a nested handler such as forward_auth shares the
// variables. Only the request's goroutine uses them. On nil, which stands for a request that cannot
// be tracked, Tried, Any, Picked and Take work too.
type RequestAttempts struct {
	transport    *Transport
	request      *http.Request
	hedgeRequest *http.Request // the request for the pick of a hedge; nil if there was none
	header       http.Header   // of the request before the first attempt, and the host
	host         string
	tried        []*endpoint.Endpoint
	current      *Attempt
	route        Route
	noList       bool                 // there was no list of endpoints for the request
	overtaken    bool                 // another request took the last place at what was selected, see Overtaken
	refused      []*endpoint.Endpoint // those of the tried ones that refused the connection at once
	trial        endpoint.Trial       // begun for the place that the next Begin makes the request's own
	note         pickNote
	assignment   Assignment
	retry        retryState
	refusal      *Refusal // nil unless the pool does not take the request
	place        *limit.Place
	unwatchPlace func() bool   // stops watching for the end of the request that holds the place
	queued       time.Duration // how long the request has waited for a place
	sentAttempts []*Attempt
	answered     *Attempt // of two that were sent side by side, the one whose answer came first

	// Room for what nearly every request needs, so that all of it is one allocation.
	first      Attempt
	firstTried [3]*endpoint.Endpoint
	firstSent  [2]*Attempt
}

// Attempts returns the attempts of a request at the handler. It is nil if there is no handler, or
// if the request has no variables and is therefore not one that a server handles.
func (t *Transport) Attempts(r *http.Request) *RequestAttempts {
	if t == nil || r == nil {
		return nil
	}
	vars, ok := r.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
	if !ok {
		return nil
	}
	// The handler may run twice for one request, each time with a clone of it.
	if attempts, ok := vars[t.key].(*RequestAttempts); ok && (attempts.request == r || attempts.hedgeRequest == r) {
		return attempts
	}
	attempts := &RequestAttempts{transport: t, request: r, header: r.Header, host: r.Host}
	attempts.tried, attempts.sentAttempts = attempts.firstTried[:0], attempts.firstSent[:0]
	vars[t.key] = attempts
	attempts.provide(vars)
	return attempts
}

// Tried reports whether the endpoint was picked for the request before.
func (a *RequestAttempts) Tried(e *endpoint.Endpoint) bool {
	return a != nil && slices.Contains(a.tried, e)
}

// Any reports whether any endpoint was picked for the request before.
func (a *RequestAttempts) Any() bool { return a != nil && len(a.tried) > 0 }

// Take reserves a place for the request at the endpoint, and reports whether there was one. A limit
// of 0 is no limit. The place is given back when the attempt or the request ends. If the request
// cannot be tracked, Take only tests the limit, because nothing would give the place back.
func (a *RequestAttempts) Take(e *endpoint.Endpoint, limit int) bool {
	if a == nil {
		return limit == 0 || e.InFlight() < limit
	}
	reserved := false
	if e.IsTested() {
		reserved = a.ReserveTrial(e, limit, load.Now())
	} else {
		reserved = e.Reserve(limit)
	}
	if reserved {
		a.Begin(e)
	}
	return reserved
}

// ReserveTrial is Reserve of a half-open endpoint: it reserves a place for a trial, if one is due.
// The next step must be Begin.
func (a *RequestAttempts) ReserveTrial(e *endpoint.Endpoint, limit int, now load.Instant) bool {
	trial := e.BeginTrial(now)
	if trial == 0 {
		return false
	}
	if !e.Reserve(limit) {
		e.EndTrial(trial)
		return false
	}
	a.trial = trial
	return true
}

// Begin makes a place that was just reserved at the endpoint the request's own. The place is given
// back when the attempt or the request ends.
func (a *RequestAttempts) Begin(e *endpoint.Endpoint) {
	a.Abandon()
	next := &a.first
	if len(a.tried) > 0 {
		next = &Attempt{others: a}
	}
	next.again = slices.Contains(a.tried, e)
	a.tried = append(a.tried, e)
	a.current = next
	next.reason = a.countPick(e)
	next.trial, a.trial = a.trial, 0
	next.place = a.place
	if next.trial == 0 && e.IsTested() {
		// A policy of Caddy's picked it, which knows no trials. Beside a trial it is none itself.
		next.trial = e.BeginTrial(load.Now())
	}
	if table := a.tableOf(e); a.route.Table != table { // a policy of Caddy's finds no route
		a.findRoute(table, load.Now())
	}
	next.begin(a.request.Context(), a.transport, e, a.route)
}

// Picked returns the endpoint that was picked for the request and that it was not sent to yet.
func (a *RequestAttempts) Picked() *endpoint.Endpoint {
	if a == nil || a.current == nil {
		return nil
	}
	return a.current.endpoint
}

// Abandon gives the place of a pick back to which the request will not be sent.
func (a *RequestAttempts) Abandon() {
	if a.current != nil {
		a.current.end()
		a.current = nil
	}
}

// takePick returns the pick and removes it, if it was made for this address, because the request is
// sent there.
func (a *RequestAttempts) takePick(dial string) *Attempt {
	pick := a.current
	if pick == nil || pick.endpoint.Address() != dial {
		return nil
	}
	a.current, a.answered = nil, nil
	if a.sentAttempts = append(a.sentAttempts, pick); len(a.sentAttempts) > 1 {
		pick.endpoint.CountRetry(pick.again)
		a.retry.paid = false
	}
	return pick
}
