package endpoint

import (
	"fmt"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// Verdict is the health of an endpoint by its probes, all of which must pass. The prober writes it.
// It belongs to the endpoint, because what is known of an endpoint outlives the prober of one
// config.
type Verdict struct {
	Passes bool      // whether the endpoint is healthy
	Since  time.Time // when the verdict was reached
	Probes []ProbeVerdict

	// Recovered is when a check last made a failing endpoint healthy again. A verdict may also
	// begin without a check, such as that of a probe which a reload adds.
	Recovered time.Time
}

// ProbeVerdict is what one probe says of an endpoint.
type ProbeVerdict struct {
	Definition string // of the probe, by which the prober of a later config knows it again
	Name       string // of the probe, unique within the verdict
	Checked    bool   // whether any check has ended
	Waits      bool   // whether the endpoint gets no requests only because no check has ended
	Passes     bool
	Streak     int       // the number of results in a row that contradict the verdict
	Since      time.Time // when the verdict was reached
	Last       Failure   // the last failed check; zero if there was none
	Advice     Advice    // all that the endpoint has said of itself to this probe
}

// Failure is a check that failed.
type Failure struct {
	Reason string
	Took   time.Duration
}

// String returns the reason and the time, for a log line.
func (f Failure) String() string {
	return fmt.Sprintf("%s in %s", f.Reason, f.Took.Round(time.Millisecond/10))
}

// Fails reports whether the endpoint gets no requests because of this probe, and not only because
// its first check has not ended.
func (v *ProbeVerdict) Fails() bool { return !v.Passes && !v.Waits }

// Advice returns the strictest of what the endpoint has said of itself to each probe.
func (v *Verdict) Advice() (a Advice) {
	for i := range v.Probes {
		a = a.strictest(v.Probes[i].Advice)
	}
	return a
}

// Verdict returns the endpoint's verdict, nil if it has never been probed.
func (e *Endpoint) Verdict() *Verdict { return e.verdict.Load() }

// SetVerdict stores a verdict, which must not be changed afterwards.
func (e *Endpoint) SetVerdict(v *Verdict) { e.verdict.Store(v) }

// Passed returns since when each probe has passed a check, or zero.
func (e *Endpoint) Passed() load.Instant { return load.Instant(e.passed.Load()) }

// SetPassed records that each probe has passed a check since then.
func (e *Endpoint) SetPassed(now load.Instant) { e.passed.Store(int64(now)) }

// Ejection is what the outlier detector remembers of the ejections of an endpoint.
type Ejection struct {
	Times  int       // the number of ejections, less one for each interval without any
	Since  time.Time // the start of the last ejection
	Until  time.Time // its end, after which the endpoint is half-open
	Reason string
}

// Ejection returns the endpoint's ejections, nil if there were none or they are long past.
func (e *Endpoint) Ejection() *Ejection { return e.ejection.Load() }

// SetEjection stores an ejection, which must not be changed afterwards.
func (e *Endpoint) SetEjection(j *Ejection) { e.ejection.Store(j) }

// Advise applies what an endpoint says of itself, and reports whether that changed anything. The
// prober calls it, one call at a time for each endpoint.
func (e *Endpoint) Advise(a Advice) (changed bool) {
	old := e.Advice()
	a = a.MergedWith(old)
	if a.equal(old) {
		return false
	}
	e.pool.changesBegun.Add(1)
	e.advice.Store(&a)
	e.pool.changesEnded.Add(1)
	e.applyAdvisedMode()
	e.pool.wake()
	return true
}

// applyAdvisedMode sets the conditions that follow from what the endpoint has said of itself. None
// do if an operator says that it is ready.
func (e *Endpoint) applyAdvisedMode() {
	e.pool.advisedModes.Lock() // the prober and operators call it
	defer e.pool.advisedModes.Unlock()
	set := Condition(0)
	if o := e.Override(); o == nil || o.State != OverrideReady {
		if mode := e.Advice().Mode; mode != nil {
			set = [...]Condition{AdvisedReady: 0, AdvisedDrain: DrainRequested, AdvisedMaint: Maintenance}[*mode]
		}
	}
	e.Replace(advised, set)
}

// Advice returns what the endpoint has said of itself so far.
func (e *Endpoint) Advice() Advice {
	if a := e.advice.Load(); a != nil {
		return *a
	}
	return Advice{}
}

// ForgetAdvice forgets what an endpoint has said of itself, because another process is at its
// address now.
func (e *Endpoint) ForgetAdvice() {
	if e.clearAdvice() {
		e.pool.wake()
	}
}

// clearAdvice is ForgetAdvice for an endpoint that no roster lists, so that no shares change.
func (e *Endpoint) clearAdvice() bool {
	if e.advice.Load() == nil {
		return false
	}
	e.pool.changesBegun.Add(1)
	e.advice.Store(nil)
	e.conditions.And(^uint32(advised))
	e.pool.changesEnded.Add(1)
	return true
}
