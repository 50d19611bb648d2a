package endpoint

import (
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// Verdict is what probes say of an endpoint. The prober writes it; it is kept here
// because what is known of an endpoint outlives the prober of one config.
type Verdict struct {
	Probe   string    // the definition of the probe that it is by
	Checked bool      // whether there was any result
	Passes  bool      // the verdict
	Streak  int       // results in a row that speak against it
	Since   time.Time // of the verdict
	Last    string    // why the last failure was one
}

// Verdict is nil if the endpoint has never been probed.
func (e *Endpoint) Verdict() *Verdict { return e.verdict.Load() }

// SetVerdict keeps a verdict, which must not be changed afterwards.
func (e *Endpoint) SetVerdict(v *Verdict) { e.verdict.Store(v) }

// Passed is when a check last passed.
func (e *Endpoint) Passed() load.Instant { return load.Instant(e.passed.Load()) }

// SetPassed notes that a check passed.
func (e *Endpoint) SetPassed(now load.Instant) { e.passed.Store(int64(now)) }

// Ejection is what the outlier detector keeps of an endpoint that stood out.
type Ejection struct {
	Times  int       // how often, less one for each interval without
	Since  time.Time // of the last one
	Until  time.Time // its end, after which the endpoint is tried
	Reason string
}

// Ejection is nil if the endpoint never stood out, or long ago.
func (e *Endpoint) Ejection() *Ejection { return e.ejection.Load() }

// SetEjection keeps an ejection, which must not be changed afterwards.
func (e *Endpoint) SetEjection(j *Ejection) { e.ejection.Store(j) }

// Advise makes what an endpoint said of itself count, and reports whether that changed anything.
// The prober calls it, one call at a time for an endpoint.
func (e *Endpoint) Advise(a Advice) (changed bool) {
	old := e.Advice()
	a = a.over(old)
	if a.same(old) {
		return false
	}
	e.pool.begun.Add(1)
	e.advice.Store(&a)
	e.pool.ended.Add(1)
	if a.Mode != nil {
		come := [...]Condition{AdvisedReady: 0, AdvisedDrain: DrainRequested, AdvisedMaint: Maintenance}[*a.Mode]
		e.Replace(unwilling, come)
	}
	e.pool.wake()
	return true
}

// Advice is what the endpoint has said of itself so far.
func (e *Endpoint) Advice() Advice {
	if a := e.advice.Load(); a != nil {
		return *a
	}
	return Advice{}
}
