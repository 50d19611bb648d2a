package load

const (
	// firstSent is the number of requests of a route whose answers count as unloaded without a look
	// at the endpoint, because no queue has formed yet. They are the first that were sent: those
	// that are answered first are the quick ones.
	firstSent = 16

	// unloadedFrom is the number of answers from which on the unloaded time is known.
	unloadedFrom = firstSent / 2

	// unloadedClip bounds what one answer counts, in unloaded times.
	unloadedClip = 5
)

// Unloaded returns how long the route takes at an endpoint with room, in seconds. It is false if
// that is not known.
func (r *Route) Unloaded() (seconds float64, known bool) {
	if r.rested.get() < unloadedFrom {
		return 0, false
	}
	return r.unloaded.get(), true
}

// countFirst reports whether the request that is sent is one of the first of its route.
func (r *Route) countFirst() bool { return r.sent.Load() < firstSent && r.sent.Add(1) <= firstSent }

// ObserveUnloaded records an answer of a route if it was one without load: at an endpoint with
// room, or one of the first. Answers of a route that was known before anything asked for its
// unloaded time count until it is known. An answer that comes while another one is recorded is
// dropped.
func (t *Routes) ObserveUnloaded(r *Route, now Instant, c *Comparison, rested bool) {
	late := r.rested.get() < unloadedFrom && now.Sub(r.first) > newFor
	if !rested && !c.First && !late || !t.mu.TryLock() {
		return
	}
	defer t.mu.Unlock()
	seconds := max(c.Latency.Seconds(), minLatency)
	if known := r.unloaded.get(); known > 0 {
		seconds = min(seconds, unloadedClip*known)
	}
	r.unloaded.move(seconds, r.rested.countLast(1./maxCount))
}
