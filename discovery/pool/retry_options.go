package pool

import (
	"cmp"
	"fmt"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/limit"
)

// RetryBudget bounds how many requests of a pool are repeated, as a share of all its requests of
// the last 10 s. What the budget refuses fails at once, with the error or the answer of the attempt
// before, however many tries and however much time the reverse proxy has left. Choose it wherever
// requests are retried: if most of them fail, retries would otherwise multiply the load of
// endpoints that have too much already. It allows no retry that the reverse proxy would not make.
//
// The algorithm is that of Finagle (RetryBudget, 2015).
type RetryBudget struct {
	// The number of retries for each 100 requests, from 0 to 100. Default: 20.
	Percent *float64 `json:"percent,omitempty"`

	// The number of retries in each second that are allowed besides, so that a pool with little
	// traffic has some. They add up over 10 s. Default: 10.
	MinPerSecond *float64 `json:"min_per_second,omitempty"`
}

const (
	defaultRetryPercent  = 20
	defaultRetriesPerSec = 10
	maxRetriesPerSec     = 1e6
)

func (o *LimitOptions) retryBudgetOption() caddyfile.Param {
	var budget RetryBudget
	return caddyfile.LineInto("retry_budget", &o.RetryBudget, &budget,
		caddyfile.Pointer(caddyfile.Percent, "percentage", &budget.Percent),
		caddyfile.Optional(caddyfile.Pointer(retriesPerSec, "retries per second", &budget.MinPerSecond)))
}

func retriesPerSec(name string, into *float64) caddyfile.Param {
	return caddyfile.Float(name, into, 0, maxRetriesPerSec)
}

func (o *LimitOptions) checkRetryBudget() error {
	b := o.RetryBudget
	if b == nil {
		return nil
	}
	return cmp.Or(
		inRange("retry_budget: percent", b.Percent, 100),
		inRange("retry_budget: min_per_second", b.MinPerSecond, maxRetriesPerSec),
	)
}

// inRange returns an error if a number is given and not from 0 to most.
func inRange(name string, value *float64, most float64) error {
	if value == nil || 0 <= *value && *value <= most {
		return nil
	}
	return fmt.Errorf("%s: %v is not a number from 0 to %v", name, *value, most)
}

// retrySettings returns the numbers of the budget, which allows nothing if there is none.
func (o *LimitOptions) retrySettings() (s limit.BudgetSettings) {
	if b := o.RetryBudget; b != nil {
		s.On = true
		s.Share = valueOr(b.Percent, defaultRetryPercent) / 100
		s.PerSecond = valueOr(b.MinPerSecond, defaultRetriesPerSec)
	}
	return s
}
