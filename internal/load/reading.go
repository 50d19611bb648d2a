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

	// Overdue is the number of requests that wait for much longer than those of their routes.
	Overdue float64

	// Alarms is the evidence that the endpoint is sick: 0, or from 1 to 4.
	Alarms float64

	// Partial says that there is such evidence for single routes. See RouteAlarms.
	Partial bool
}

// Read returns what the load says. It takes a lock only if requests are to be parked.
func (l *Load) Read(now Instant, decay time.Duration) Reading {
	if at := Instant(l.parksAt.Load()); at != 0 && now > at {
		l.parkOld(now, decay)
	}
	relative, certainty := l.published.speed(now)
	return Reading{
		Relative:  relative,
		Certainty: certainty,
		Age:       l.age(now),
		Overdue:   float64(l.Overdue()),
		Alarms:    alarmsUntil(Instant(l.sickUntil.Load()), now, decay),
		Partial:   now <= Instant(l.partialUntil.Load()),
	}
}

// RouteAlarms returns the evidence that the endpoint fails at requests of a route: 0, or from 1 to
// 4. That of a nil route is the most of any.
func (l *Load) RouteAlarms(r *Route, now Instant, decay time.Duration) float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	until := l.byRoute.until(decay)
	if r != nil {
		until = l.byRoute.of(r).until(decay)
	}
	return alarmsUntil(until, now, decay)
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

// parkOld parks the requests that are in flight for too long to be work. The age of one that still
// waits says nothing any more. But if the endpoint should have answered it by then, before any
// other, it is evidence of a hang until it is answered.
func (l *Load) parkOld(now Instant, decay time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for r := l.active.first; r != nil; r = l.active.first {
		if now.Sub(r.since).Seconds() <= r.table.parkedAfter() {
			break
		}
		if r.stage == waiting {
			if l.isLate(r, now) {
				r.late = evidence{l.suspect(now, nats(true, r.route.failureShare()), decay), now}
			}
			l.ages.ignore(r)
			l.setAges(&l.ages)
			if r.overdue = r.route.finished.get() > 0; r.overdue {
				l.overdue.Add(1)
			}
		}
		r.table.goesOn(r.route, now.Sub(r.sent).Seconds())
		l.park(r)
	}
	l.setParksAt()
}
