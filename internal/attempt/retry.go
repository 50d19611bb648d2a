package attempt

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-balance/caddy-balance/internal/limit"
)

// Before Caddy repeats a request it asks nothing but the matchers of lb_retry_match, and not even
// those after an error of dialing. It does not ask whether the body can be sent again: what an
// endpoint has read is gone unless it is buffered, and the next endpoint would take the rest for
// the whole body where its length is not announced. Therefore each set of matchers gets one more.
// It comes last, so that a budget pays only for retries that the config allows.

// retryRules say which requests the handler repeats.
type retryRules struct {
	match  caddyhttp.MatcherSets // of the config
	budget *limit.Budget         // nil allows all
}

// guardRetries makes the handler repeat no request whose body is gone.
func (t *Transport) guardRetries(ctx caddy.Context) error {
	lb := t.handler.LoadBalancing
	loaded, err := ctx.LoadModule(lb, "RetryMatchRaw")
	if err != nil {
		return fmt.Errorf("loading lb_retry_match: %w", err)
	}
	if err := lb.RetryMatch.FromInterface(loaded); err != nil {
		return err
	}
	t.retries.match = lb.RetryMatch
	sets := t.retries.match
	if sets == nil {
		sets = caddyhttp.MatcherSets{caddyhttp.MatcherSet{isGet{}}} // Caddy's default
	}
	lb.RetryMatch = nil
	for _, set := range sets {
		t.addRetryMatch(slices.Clone(set))
	}
	return nil
}

// addRetryMatch makes the handler repeat the requests that match the set, if nothing forbids it.
func (t *Transport) addRetryMatch(set caddyhttp.MatcherSet) {
	lb := t.handler.LoadBalancing
	lb.RetryMatch = append(lb.RetryMatch, append(set, mayRetry{t}))
}

// isGet is Caddy's default of lb_retry_match.
type isGet struct{}

// MatchWithError implements caddyhttp.RequestMatcherWithError.
func (isGet) MatchWithError(r *http.Request) (bool, error) { return r.Method == http.MethodGet, nil }

// mayRetry matches requests that can be repeated, and that a budget allows to be.
type mayRetry struct{ *Transport }

// MatchWithError implements caddyhttp.RequestMatcherWithError.
func (m mayRetry) MatchWithError(r *http.Request) (bool, error) {
	attempts := m.attemptsOf(r)
	if attempts == nil {
		return true, nil
	}
	last := attempts.lastAttempt()
	if attempts.mayRetry() {
		if last != nil {
			last.revert(r) // Caddy discards the answer, also if it has no tries left
		}
		return true, nil
	}
	if last == nil || last.hasEnded() {
		attempts.place.Leave() // otherwise the client gets the answer, which is still to be read
	}
	return false, nil
}

// hasLostBody reports whether an attempt has read some of the body that cannot be read again.
func (a *RequestAttempts) hasLostBody() bool {
	return slices.ContainsFunc(a.sentAttempts, (*Attempt).hasTakenBody)
}

// hasTakenBody reports whether the attempt has read some of a body that Caddy has not buffered, or
// may do so at any moment.
func (a *Attempt) hasTakenBody() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.upload.taken || a.upload.asking
}
