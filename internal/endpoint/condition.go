package endpoint

// Condition is a reason why an endpoint gets no new requests, or fewer. Each has one writer, and
// health is nothing but the set of them: there is no flag that two parties fight over.
type Condition uint32

const (
	ProbeFailed    Condition = 1 << iota // its probes fail; the prober
	Unchecked                            // it waits for its first probe; the prober
	Ejected                              // its answers to real requests stand out; the outlier detector
	HalfOpen                             // it was ejected, and one request at a time finds out whether it works; the outlier detector
	DrainRequested                       // it asked for nothing new; the prober, on advice
	Maintenance                          // it asked for nothing at all; the prober, on advice
)

const (
	// unhealthy is what failing open ignores.
	unhealthy = ProbeFailed | Unchecked | Ejected
	// unwilling is what it does not, because somebody wants it so.
	unwilling = DrainRequested | Maintenance
)

// Is reports whether any of the conditions holds.
func (e *Endpoint) Is(c Condition) bool { return Condition(e.conditions.Load())&c != 0 }

// Conditions are all that hold.
func (e *Endpoint) Conditions() Condition { return Condition(e.conditions.Load()) }

// Set makes conditions hold or not, and reports whether that changed anything. Picks see it at
// once; shares follow when the lists have been worked out anew, which takes a moment.
func (e *Endpoint) Set(c Condition, holds bool) (changed bool) {
	if holds {
		return e.Replace(0, c)
	}
	return e.Replace(c, 0)
}

// Replace makes exactly one set of conditions out of another in one step, so that no pick sees
// an endpoint between two of them.
func (e *Endpoint) Replace(gone, come Condition) (changed bool) {
	for {
		old := e.conditions.Load()
		now := old&^uint32(gone) | uint32(come)
		if old == now {
			return false
		}
		e.pool.begun.Add(1)
		changed = e.conditions.CompareAndSwap(old, now)
		e.pool.ended.Add(1)
		if changed {
			e.pool.wake()
			return true
		}
	}
}

// Breaker is the state of an endpoint's circuit breaker: closed, open or half-open.
func (e *Endpoint) Breaker() string {
	switch {
	case e.Is(Ejected):
		return "open"
	case e.Is(HalfOpen):
		return "half-open"
	}
	return "closed"
}
