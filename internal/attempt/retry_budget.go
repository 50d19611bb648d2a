package attempt

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/limit"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// Before Caddy repeats a request it asks nothing but the matchers of lb_retry_match, and not even
// those after an error of dialing. Therefore the transport hides that an error is one, and each set
// of matchers gets one more, which asks the budget. It comes last, so that only retries are paid
// for which the config allows.

// retryBudget is what bounds the retries of a handler.
type retryBudget struct {
	budget *limit.Budget         // nil allows all
	match  caddyhttp.MatcherSets // of the config
}

// retryState is what is known of the next retry of a request.
type retryState struct {
	counted  bool // the request itself is counted
	dialed   bool // the last attempt failed because no connection could be made
	paid     bool // the budget allows the next attempt, which was not sent yet
	backoffs int  // how often the request has waited before it was sent to the same endpoints again
	refused  int  // one more than the number of attempts after which the budget refused the next

	turns int          // how often Caddy has asked for an endpoint; only if there is a gate
	began load.Instant // when it did for the first time; only with a gate or a backoff
}

// LimitRetries makes the handler repeat no request that is refused, and none that the budget does
// not allow; nil allows all. It may only be called once, while the handler is provisioned.
func (t *Transport) LimitRetries(ctx caddy.Context, b *limit.Budget) error {
	lb := t.handler.LoadBalancing
	loaded, err := ctx.LoadModule(lb, "RetryMatchRaw")
	if err != nil {
		return fmt.Errorf("loading lb_retry_match: %w", err)
	}
	if err := lb.RetryMatch.FromInterface(loaded); err != nil {
		return err
	}
	t.retries = &retryBudget{budget: b, match: lb.RetryMatch}
	lb.RetryMatch = nil
	sets := slices.Clone(t.retries.match)
	if b != nil {
		if sets == nil {
			sets = caddyhttp.MatcherSets{caddyhttp.MatcherSet{isGet{}}} // Caddy's default
		}
		sets = append(sets, caddyhttp.MatcherSet{failedToDial{t}})
	}
	for _, set := range sets {
		lb.RetryMatch = append(lb.RetryMatch, append(slices.Clone(set), withinBudget{t}))
	}
	return nil
}

// retryMatch returns the matchers of lb_retry_match without what LimitRetries has added.
func (t *Transport) retryMatch() caddyhttp.MatcherSets {
	if t.retries != nil {
		return t.retries.match
	}
	return t.handler.LoadBalancing.RetryMatch
}

// CountRequest counts the request in the budget, which there must be, once.
func (a *RequestAttempts) CountRequest() {
	if a != nil && !a.retry.counted {
		a.retry.counted = true
		a.transport.retries.budget.CountRequest(load.Now())
	}
}

// hideDialing returns the error of an attempt so that Caddy asks the matchers after it.
func (t *Transport) hideDialing(req *http.Request, err error) error {
	attempts := t.attemptsOf(req)
	if t.retries == nil || t.retries.budget == nil || attempts == nil {
		return err
	}
	if attempts.retry.dialed = isDialError(err); attempts.retry.dialed {
		return finalError{err}
	}
	return err
}

// mayRetry reports whether the budget allows one more attempt. An attempt is paid once, however
// often Caddy asks. Nothing is paid for a retry that Caddy will not make.
func (a *RequestAttempts) mayRetry() bool {
	sent, most := a.turns(), a.transport.handler.LoadBalancing.Retries
	switch {
	case a.refusal != nil:
		return false
	case a.transport.retries.budget == nil, a.retry.paid, most > 0 && sent > most:
		return true
	case a.retry.refused == sent+1:
		return false
	}
	if a.retry.paid = a.transport.retries.budget.Withdraw(load.Now()); !a.retry.paid {
		a.retry.refused = sent + 1
	}
	return a.retry.paid
}

// turns returns how often Caddy has sent the request. It does not know of hedges.
func (a *RequestAttempts) turns() (n int) {
	for _, sent := range a.sentAttempts {
		if sent.reason != endpoint.Hedge {
			n++
		}
	}
	return n
}

// isGet is Caddy's default of lb_retry_match.
type isGet struct{}

// MatchWithError implements caddyhttp.RequestMatcherWithError.
func (isGet) MatchWithError(r *http.Request) (bool, error) { return r.Method == http.MethodGet, nil }

// failedToDial matches requests of which nothing was sent.
type failedToDial struct{ *Transport }

// MatchWithError implements caddyhttp.RequestMatcherWithError.
func (m failedToDial) MatchWithError(r *http.Request) (bool, error) {
	attempts := m.attemptsOf(r)
	return attempts != nil && attempts.retry.dialed, nil
}

// withinBudget matches requests that the budget allows to be repeated.
type withinBudget struct{ *Transport }

// MatchWithError implements caddyhttp.RequestMatcherWithError.
func (m withinBudget) MatchWithError(r *http.Request) (bool, error) {
	attempts := m.attemptsOf(r)
	if attempts == nil || attempts.mayRetry() {
		return true, nil
	}
	if last := attempts.lastAttempt(); last == nil || last.hasEnded() {
		attempts.place.Leave() // otherwise the client gets the answer, which is still to be read
	}
	return false, nil
}
