package load

import "cmp"

const (
	// firstSent is the number of requests of a route whose answers count as unloaded without a look
	// at the endpoint, because no queue has formed yet. They are the first that were sent: those
	// that are answered first are the quick ones.
	firstSent = 16

	// unloadedFrom is the number of answers from which on the unloaded time is known.
	unloadedFrom = firstSent / 2

	// UnloadedClip bounds what one answer counts, in unloaded times. Answers that are compared with
	// the unloaded time must have the same bound: where one request in ten takes a hundred times as
	// long as the others, the mean is another one with another bound.
	UnloadedClip = 20
)

// Unloaded returns how long the route takes at an endpoint with room, in seconds: the mean, and the
// mean of the square. Both are 0 if that is not known.
func (r *Route) Unloaded() (mean, square float64) {
	if r.rested.get() < unloadedFrom {
		return 0, 0
	}
	return r.unloaded.get(), r.unloadedSquare.get()
}

// countFirst reports whether the request that is sent is one of the first of its route.
func (r *Route) countFirst() bool { return r.sent.Load() < firstSent && r.sent.Add(1) <= firstSent }

// ObserveUnloaded records an answer of a route if it was one without load: at an endpoint with
// room, or one of the first. Answers of a route that was known before anything asked for its
// unloaded time count until it is known. An answer that comes while another one is recorded is
// dropped. own is the part of the time that an endpoint with room took for the request alone; 0 if
// it had no room.
func (t *Routes) ObserveUnloaded(r *Route, now Instant, c *Comparison, own float64) {
	late := r.rested.get() < unloadedFrom && now.Sub(r.first) > newFor
	if own == 0 && !c.First && !late || !t.mu.TryLock() {
		return
	}
	defer t.mu.Unlock()
	seconds := max(c.Latency.Seconds()*cmp.Or(own, 1), minLatency)
	if known := r.unloaded.get(); known > 0 {
		seconds = min(seconds, UnloadedClip*known)
	}
	part := r.rested.countLast(1. / maxCount)
	r.unloaded.move(seconds, part)
	r.unloadedSquare.move(seconds*seconds, part)
}
