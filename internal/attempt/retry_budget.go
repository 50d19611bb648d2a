package attempt

import (
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/limit"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

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
//
// Caddy asks no matchers after an error of dialing, so the transport hides that an error is one.
func (t *Transport) LimitRetries(b *limit.Budget) {
	if t.retries.budget = b; b != nil {
		t.addRetryMatch(caddyhttp.MatcherSet{failedToDial{t}})
	}
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
	if t.retries.budget == nil || attempts == nil {
		return err
	}
	if attempts.retry.dialed = isDialError(err); attempts.retry.dialed {
		return finalError{err}
	}
	return err
}

// mayRetry reports whether one more attempt is possible and the budget allows it. An attempt is
// paid once, however often Caddy asks. Nothing is paid for a retry that Caddy will not make.
func (a *RequestAttempts) mayRetry() bool {
	sent, most := a.turns(), a.transport.handler.LoadBalancing.Retries
	switch {
	case a.refusal != nil, a.hasLostBody():
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

// failedToDial matches requests of which nothing was sent.
type failedToDial struct{ *Transport }

// MatchWithError implements caddyhttp.RequestMatcherWithError.
func (m failedToDial) MatchWithError(r *http.Request) (bool, error) {
	attempts := m.attemptsOf(r)
	return attempts != nil && attempts.retry.dialed, nil
}
