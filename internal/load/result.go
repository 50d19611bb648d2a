package load

import "time"

// Result is what the end of a wait says of the endpoint.
type Result uint8

// The results.
const (
	Answered    Result = iota
	Nothing            // there was an answer that is neither good nor bad
	Failed             // there was no answer, or a bad one
	Unreachable        // there was no connection
	Left               // the client went away
)

// Comparison is how a result differs from what is usual for its route.
type Comparison struct {
	// Latency is the time from sending the request to the first byte of the answer.
	Latency time.Duration

	// Relative is the latency divided by the usual one; 0 if that is not known.
	Relative float64

	// Expected is the share of failures that is usual. It is never 0.
	Expected float64

	// Sent is when the request was sent, without the time in which the client kept the endpoint
	// waiting.
	Sent Instant

	// Crowd is how many requests the endpoint worked on when it was sent, itself included, and
	// CrowdAtEnd at the end.
	Crowd, CrowdAtEnd int

	// First says that the request is one of the first of its route.
	First bool
}

func (r *Request) compare(now Instant) Comparison {
	c := Comparison{
		Latency: now.Sub(r.sent), Expected: r.route.failureShare(),
		Sent: r.sent, Crowd: int(r.crowd), First: r.first,
	}
	if r.route.known() {
		c.Relative = c.Latency.Seconds() / r.route.usual.get()
	}
	return c
}

// record applies a result. The caller must hold the lock.
func (l *Load) record(r *Request, now Instant, result Result, c *Comparison, decay time.Duration) {
	switch result {
	case Left:
		if l.isLate(r, now) {
			l.suspect(now, nats(true, c.Expected), decay)
		}
		return
	case Unreachable:
		l.suspect(now, nats(true, min(unreachableShare, c.Expected)), decay)
		return
	}
	l.ages.answered(now)
	l.setAges(&l.ages)
	if late := r.late.left(now, decay); late > 0 {
		l.suspect(now, -late, decay)
	}
	if result == Nothing {
		return
	}
	latency, surprise := max(c.Latency.Seconds(), minLatency), 0.
	if result == Failed || l.hasEvidence() {
		surprise = nats(result == Failed, c.Expected)
	}
	if result == Failed {
		l.suspectRoute(r.route, now, surprise, decay)
	} else {
		l.suspect(now, surprise, decay)
		if l.byRoute.answered(r.route, now, surprise, decay) {
			l.partialUntil.Store(int64(l.byRoute.until(decay)))
		}
		l.speed.observe(r.sent, now, latency, r.route, r.table.queueTime(), decay)
		l.setSpeed(&l.speed)
	}
	r.table.observe(r.route, now, latency, result == Failed, decay)
}

// BreakOff records that an answer broke off. It counted as an answer when it began, and what that
// has taken from the evidence comes back. Otherwise an endpoint that breaks off every answer would
// not stand out among few others: its failures are usual for the route, and half of its results.
func (l *Load) BreakOff(r *Request, now Instant, decay time.Duration) (c Comparison) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c = r.compare(now)
	l.suspectRoute(r.route, now, nats(true, c.Expected)-nats(false, c.Expected), decay)
	r.table.observe(r.route, now, 0, true, decay)
	return c
}

// suspectRoute adds the evidence of a failure of a route. The caller must hold the lock.
func (l *Load) suspectRoute(r *Route, now Instant, nats float64, decay time.Duration) {
	if l.byRoute.of(r).left(now, decay) == 0 {
		// Further failures of one route say nothing of the others.
		l.suspect(now, nats, decay)
	}
	l.partialUntil.Store(int64(l.byRoute.failed(r, now, nats, decay)))
}

// hasEvidence reports whether an answer can lower anything. The caller must hold the lock.
func (l *Load) hasEvidence() bool { return l.evidence.nats > 0 || l.byRoute.any() }

// suspect adds evidence that the endpoint is sick, and returns by how much it changed. The caller
// must hold the lock.
func (l *Load) suspect(now Instant, nats float64, decay time.Duration) (added float64) {
	if nats <= 0 && l.evidence.nats == 0 {
		return 0 // an answer of a healthy endpoint, as nearly always
	}
	added = l.evidence.add(now, nats, decay)
	l.sickUntil.Store(int64(l.evidence.until(decay)))
	return added
}

// lateFrom is how many usual ages are late. Of exponential times, one in 3,000 is.
const lateFrom = 4

// isLate reports whether a request has waited for much longer than usual, while the endpoint
// answered no other. One request that hangs says nothing of an endpoint that answers the rest.
func (l *Load) isLate(r *Request, now Instant) bool {
	return r.perSecond > 0 && l.ages.answer <= r.sent && now.Sub(r.sent).Seconds()*r.perSecond > lateFrom
}
