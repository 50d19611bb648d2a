package load

import (
	"sync"
	"sync/atomic"
	"time"
)

// Load says how fast an endpoint answers. Attempts write it and policies read it. The zero value
// knows nothing.
type Load struct {
	parked atomic.Int32

	mu       sync.Mutex // of this endpoint only
	young    requests   // in flight, and not parked yet
	ages     ages
	speed    speed
	evidence evidence
	byRoute  routeEvidence
}

// Begin records that a request was sent, and waits for its first byte.
func (l *Load) Begin(r *Request, routes *Routes, route *Route, parked bool, now Instant) {
	r.routes, r.route, r.sent, r.since, r.stage = routes, route, now, now, waiting
	parked = parked || routes.Long(route)
	if !parked && route.known() {
		r.age = 1 / route.usualAge()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ages.add(r)
	if parked {
		l.park(r)
	} else {
		l.young.add(r)
	}
}

func (l *Load) park(r *Request) {
	if !r.parked {
		r.parked = true
		l.parked.Add(1)
		l.young.remove(r)
	}
}

// Park records that a request is in flight for other reasons than work, as an upgraded connection.
func (l *Load) Park(r *Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.stage != over {
		l.park(r)
	}
}

// Pause excludes the time until Resume from that of the endpoint, because the client keeps it
// waiting.
func (l *Load) Pause(r *Request, now Instant) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.stage == waiting {
		l.ages.remove(r)
		l.enter(r, receiving, now)
	}
}

// Resume ends a Pause.
func (l *Load) Resume(r *Request, now Instant) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.stage == receiving {
		r.sent += now - r.since
		l.enter(r, waiting, now)
		l.ages.add(r)
	}
}

// enter begins a stage. The caller must hold the lock.
func (l *Load) enter(r *Request, s stage, now Instant) {
	r.stage, r.since = s, now
	if !r.parked {
		l.young.add(r)
	}
}

// Comparison is how a result differs from what is usual for its route.
type Comparison struct {
	Latency  time.Duration
	Relative float64 // to the mean of the route; 0 if that is not known
	Failures float64 // the share of failures that is usual for the route
}

// Result is what an attempt says of its endpoint.
type Result uint8

// The results.
const (
	Answered    Result = iota
	Nothing            // neither good nor bad
	Failed             // no answer or a bad one
	Unreachable        // no connection
	Left               // the client went away
)

// Answer records the end of the wait of a request, and returns false if it did not wait.
func (l *Load) Answer(r *Request, now Instant, result Result, decay time.Duration) (c Comparison, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.stage != waiting && r.stage != receiving {
		return c, false
	}
	if r.stage == waiting {
		l.ages.remove(r)
	} else {
		r.sent += now - r.since
	}
	l.enter(r, answering, now)
	c = r.compare(now)
	l.record(r, now, result, &c, decay)
	return c, true
}

// compare compares the time that a request has waited with what is usual.
func (r *Request) compare(now Instant) (c Comparison) {
	c.Latency = now.Sub(r.sent)
	c.Failures = r.route.failureShare()
	if r.route.known() {
		c.Relative = c.Latency.Seconds() / r.route.mean.get()
	}
	return c
}

func (l *Load) record(r *Request, now Instant, result Result, c *Comparison, decay time.Duration) {
	if result == Left {
		if l.isLate(r, now) {
			l.evidence.add(now, failureNats(c.Failures), decay)
		}
		return
	}
	if result == Unreachable {
		l.evidence.add(now, failureNats(min(unreachableShare, c.Failures)), decay)
		return
	}
	if l.ages.answered(now); r.late > 0 {
		l.evidence.add(now, -r.late, decay)
	}
	latency := max(c.Latency.Seconds(), latencyFloor)
	switch result {
	case Answered:
		l.speed.observe(r.sent, now, latency, r.route, decay)
		l.evidence.add(now, answerNats(c.Failures), decay)
		l.byRoute.answered(r.route, now, answerNats(c.Failures), decay)
		r.routes.observe(r.route, now, latency, false, decay)
	case Failed:
		l.evidence.add(now, failureNats(c.Failures), decay)
		l.byRoute.failed(r.route, now, failureNats(c.Failures), decay)
		r.routes.observe(r.route, now, latency, true, decay)
	}
}

// isLate reports whether a request of a known route has waited for much longer than usual, and the
// endpoint has not answered any other since.
func (l *Load) isLate(r *Request, now Instant) bool {
	return r.age > 0 && l.ages.answer < r.sent && now.Sub(r.sent).Seconds()*r.age > lateFactor
}

// lateFactor is how many times the usual age is late. Of exponential times, one in 3,000 is.
const lateFactor = 4

// End records that a request is over.
func (l *Load) End(r *Request, now Instant, decay time.Duration) {
	if _, waited := l.Answer(r, now, Left, decay); waited {
		// The time that a client has waited says nothing about how long requests take.
		l.end(r)
		return
	}
	if l.end(r) {
		r.routes.finish(r.route, now.Sub(r.sent).Seconds())
	}
}

func (l *Load) end(r *Request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.stage == over || r.stage == unsent {
		r.stage = over
		return false
	}
	r.stage = over
	l.young.remove(r)
	if r.parked {
		r.parked = false
		l.parked.Add(-1)
	}
	return true
}

// Parked returns the number of requests in flight that are no work.
func (l *Load) Parked() int { return int(l.parked.Load()) }

// Waiting returns the number of requests that wait for their first byte.
func (l *Load) Waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ages.waiting
}

// Reading is what a load says at one moment.
type Reading struct {
	Relative  float64 // the time to first byte relative to what is usual; 1 is as fast as the pool
	Certainty float64 // the part of it that counts, from 0 to 1
	Chance    float64 // the variance of Relative by chance, for a Variation of 1
	Variation float64 // the square of the coefficient of variation of single answers
	AtLeast   float64 // a lower bound by the age of what waits
	Alarms    float64 // the evidence that the endpoint is sick; 0, or from 1 to 4
	Partial   bool    // there is such evidence for single routes
}

// Read returns what the load says.
func (l *Load) Read(now Instant, decay time.Duration) Reading {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.parkOld(now, decay)
	return Reading{
		Relative:  l.speed.mean,
		Certainty: l.speed.certainty(now, decay),
		Chance:    l.speed.chance(),
		Variation: l.speed.variation,
		AtLeast:   l.ages.mean(now),
		Alarms:    l.evidence.alarms(now, decay),
		Partial:   l.byRoute.alarms(nil, now, decay) > 0,
	}
}

// RouteAlarms returns the evidence that the endpoint fails requests of a route; 0, or from 1 to 4.
func (l *Load) RouteAlarms(r *Route, now Instant, decay time.Duration) float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byRoute.alarms(r, now, decay)
}

// parkOld parks the requests that are in flight for too long to be work. A request that the endpoint
// should have answered by then, before any other, is evidence of a hang.
func (l *Load) parkOld(now Instant, decay time.Duration) {
	for r := l.young.first; r != nil; r = l.young.first {
		age := now.Sub(r.since).Seconds()
		if age <= parkedMin || age <= r.routes.parkedAfter() {
			return
		}
		if l.isLate(r, now) {
			r.late = l.evidence.add(now, failureNats(r.route.failureShare()), decay)
		}
		if r.stage == waiting && r.age > 0 {
			l.ages.remove(r)
			r.age = 0
			l.ages.add(r)
		}
		l.park(r)
	}
}
