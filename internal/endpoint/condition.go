package endpoint

// Condition is a reason why an endpoint gets no new requests, or fewer of them. Each condition has
// one writer. Health is the set of conditions that hold: there is no flag that two parts write.
type Condition uint32

// The conditions. The prober writes those about probes and advice, the outlier detector those about
// ejections, attempts the refused connections, and the pool those of operators.
const (
	ProbeFailed         Condition = 1 << iota // the probes of the endpoint fail
	Unchecked                                 // the endpoint waits for its first probe
	Ejected                                   // the answers to real requests stand out as bad
	HalfOpen                                  // an ejection is over, and one trial request at a time tests the endpoint
	DrainRequested                            // the endpoint asked for no new requests
	Maintenance                               // the endpoint asked for no requests at all
	Refused                                   // connections are refused that its sibling of the other IP family accepts
	OperatorDrain                             // an operator asked for no new requests
	OperatorDown                              // an operator says that the endpoint does not work
	OperatorMaintenance                       // an operator asked for no requests at all
)

const (
	// unhealthy are the conditions that a pool which fails open ignores.
	unhealthy = ProbeFailed | Unchecked | Ejected | Refused | OperatorDown

	// advised are the conditions that it does not ignore, because the endpoint asks for them.
	advised = DrainRequested | Maintenance

	// operator are the conditions that follow from an Override. They count in every definition.
	operator = OperatorDrain | OperatorDown | OperatorMaintenance

	drains      = DrainRequested | OperatorDrain
	maintenance = Maintenance | OperatorMaintenance
)

// Is reports whether any of the conditions holds.
func (e *Endpoint) Is(c Condition) bool { return Condition(e.conditions.Load())&c != 0 }

// Conditions returns all conditions that hold.
func (e *Endpoint) Conditions() Condition { return Condition(e.conditions.Load()) }

// Set makes conditions hold or not hold, and reports whether that changed anything. Picks see the
// change at once. The shares follow when the rosters have recomputed them.
func (e *Endpoint) Set(c Condition, holds bool) (changed bool) {
	if holds {
		return e.Replace(0, c)
	}
	return e.Replace(c, 0)
}

// Replace clears one set of conditions and sets another in one step, so that no pick sees an
// endpoint between the two. It reports whether that changed anything.
func (e *Endpoint) Replace(clear, set Condition) (changed bool) {
	for {
		old := e.conditions.Load()
		now := old&^uint32(clear) | uint32(set)
		if old == now {
			return false
		}
		e.pool.changesBegun.Add(1)
		changed = e.conditions.CompareAndSwap(old, now)
		e.pool.changesEnded.Add(1)
		if changed {
			e.pool.wake()
			return true
		}
	}
}

// Breaker returns the state of the endpoint's circuit breaker: closed, open or half-open.
func (e *Endpoint) Breaker() string {
	switch {
	case e.Is(Ejected):
		return "open"
	case e.Is(HalfOpen):
		return "half-open"
	}
	return "closed"
}
