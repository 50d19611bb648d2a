package load

import "time"

// Reading is what a load says at one moment.
type Reading struct {
	// Relative is the time to first byte relative to what is usual: 1 is as fast as the pool.
	Relative float64

	// Certainty is the part of Relative that counts, from 0 to 1.
	Certainty float64

	// Age is the mean age of what waits: at 1 it takes longer than usual.
	Age float64

	// Alarms is the evidence that the endpoint is sick: 0, or from 1 to 4.
	Alarms float64

	// Partial says that there is such evidence for single routes. See RouteAlarms.
	Partial bool
}

// Read returns what the load says.
func (l *Load) Read(now Instant, decay time.Duration) Reading {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.parkOld(now, decay)
	return Reading{
		Relative:  l.speed.mean,
		Certainty: l.speed.certainty(now),
		Age:       l.ages.mean(now),
		Alarms:    l.evidence.alarms(now, decay),
		Partial:   l.byRoute.any(now, decay),
	}
}

// RouteAlarms returns the evidence that the endpoint fails at requests of a route: 0, or from 1 to
// 4.
func (l *Load) RouteAlarms(r *Route, now Instant, decay time.Duration) float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byRoute.alarms(r, now, decay)
}

// Surprise returns the evidence that the endpoint is sick, in nats. From 8 on it is an alarm.
func (l *Load) Surprise(now Instant, decay time.Duration) float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.evidence.left(now, decay)
}

// Waiting returns the number of requests that wait for their first byte.
func (l *Load) Waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ages.waiting
}

// parkOld parks the requests that are in flight for too long to be work. One that the endpoint
// should have answered by then is evidence of a hang, until it does.
func (l *Load) parkOld(now Instant, decay time.Duration) {
	for r := l.active.first; r != nil; r = l.active.first {
		if age := now.Sub(r.since).Seconds(); age <= parkedMin || age <= r.table.parkedAfter() {
			return
		}
		if r.stage == waiting {
			if l.isLate(r, now) {
				r.late = l.evidence.add(now, nats(true, r.route.failureShare()), decay)
			}
			l.ages.ignore(r)
		}
		l.park(r)
	}
}
