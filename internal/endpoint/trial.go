package endpoint

import (
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// Trial is the request that tests a half-open endpoint. It is the instant at which the request was
// picked; 0 is no trial. The trial ends with its first byte or its failure. Requests from before
// the ejection that are still open, such as websockets, neither count as one nor prevent one.
type Trial load.Instant

// trialPatience is how long a trial keeps others from beginning. A trial may never end: it is a
// long poll, the client stalls, or the endpoint hangs. Nearly every answer begins within 5 s, and
// an endpoint that hangs costs only one request in that time until the first of them fails.
const trialPatience = 5 * time.Second

// IsTested reports whether the endpoint is half-open and a detector waits for the result of a
// trial. Without a detector the condition is left from an earlier definition of the pool.
func (e *Endpoint) IsTested() bool { return e.Is(HalfOpen) && e.pool.observer.Load() != nil }

// IsTrialDue reports whether a trial may begin.
func (e *Endpoint) IsTrialDue(now load.Instant) bool { return isTrialOver(e.trial.Load(), now) }

func isTrialOver(began int64, now load.Instant) bool {
	return began == 0 || now.Sub(load.Instant(began)) >= trialPatience
}

// BeginTrial begins a trial if one is due, else it returns 0.
func (e *Endpoint) BeginTrial(now load.Instant) Trial {
	last := e.trial.Load()
	if isTrialOver(last, now) && e.trial.CompareAndSwap(last, int64(now)) {
		return Trial(now)
	}
	return 0
}

// EndTrial lets the next trial begin. It does nothing if another trial has begun meanwhile.
func (e *Endpoint) EndTrial(t Trial) {
	if t != 0 {
		e.trial.CompareAndSwap(int64(t), 0)
	}
}
