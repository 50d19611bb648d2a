package load

import (
	"sync"
	"time"
)

// Load says how an endpoint does. Attempts write it and policies read it. The zero value knows
// nothing.
type Load struct {
	published

	mu       sync.Mutex // requests at other endpoints never wait for it
	active   requests   // in flight, and not parked
	working  int        // those that the endpoint works on
	evidence evidence
	ages     ages
	speed    speed
	byRoute  routeEvidence
}

// Begin records that a request of a route was sent, and waits for its first byte. parked says that
// requests of the route are no work. It returns how many requests the endpoint works on then.
func (l *Load) Begin(r *Request, table *Routes, route *Route, parked bool, now Instant) (crowd int) {
	r.table, r.route, r.sent, r.first = table, route, now, route.countFirst()
	if !parked && route.known() {
		r.perSecond = 1 / route.usualAge(now)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.enter(r, waiting, now)
	l.wait(r)
	if parked {
		l.park(r)
	}
	r.crowd = int32(l.working)
	return l.working
}

// wait and endWait count a request among those that wait. The caller must hold the lock.
func (l *Load) wait(r *Request) {
	l.ages.add(r)
	l.setAges(&l.ages)
}

func (l *Load) endWait(r *Request) {
	l.ages.remove(r)
	l.setAges(&l.ages)
}

// Unpause undoes a Pause: the endpoint needed nothing more of the client, so that the time since
// then is its own.
func (l *Load) Unpause(r *Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.stage == receiving {
		l.enter(r, waiting, r.sent)
		l.wait(r)
	}
}

// Restart makes the wait begin again, because the request is sent again.
func (l *Load) Restart(r *Request, now Instant) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.stage == waiting {
		l.endWait(r)
		r.sent = now
		l.enter(r, waiting, now)
		l.wait(r)
	}
}

// enter begins a stage. The caller must hold the lock.
func (l *Load) enter(r *Request, s stage, now Instant) {
	r.stage, r.since = s, now
	if !r.parked {
		l.active.moveToEnd(r)
		l.setParksAt()
	}
	l.recount(r)
}

// setParksAt publishes when the oldest request is to be parked.
func (l *Load) setParksAt() {
	at := Instant(0)
	if r := l.active.first; r != nil {
		at = r.since + Instant(r.table.parkedAfter()*1e9)
	}
	if l.parksAt.Load() != int64(at) {
		l.parksAt.Store(int64(at))
	}
}

// Pause excludes the time until Resume from that of the endpoint, because the client keeps it
// waiting for more of the request.
func (l *Load) Pause(r *Request, now Instant) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.stage == waiting {
		l.endWait(r)
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
		l.wait(r)
		r.crowd = int32(l.working)
	}
}

// Park records that a request is in flight for other reasons than work, such as an upgraded
// connection.
func (l *Load) Park(r *Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.stage != over {
		l.park(r)
	}
}

func (l *Load) park(r *Request) {
	if !r.parked {
		r.parked = true
		l.parked.Add(1)
		l.active.remove(r)
		l.setParksAt()
		l.recount(r)
	}
}

// Parked returns the number of requests in flight that are no work.
func (l *Load) Parked() int { return int(l.parked.Load()) }

// Overdue returns the number of parked requests that wait for much longer than those of their
// route. They may be work: if an endpoint has more of them than others, they probably are.
func (l *Load) Overdue() int { return int(l.overdue.Load()) }

// Conclude records how the wait of a request ended, and compares it with what is usual. It returns
// false if the request did not wait.
func (l *Load) Conclude(r *Request, now Instant, result Result, decay time.Duration) (c Comparison, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conclude(r, now, result, decay)
}

// conclude is Conclude for a caller that holds the lock.
func (l *Load) conclude(r *Request, now Instant, result Result, decay time.Duration) (c Comparison, ok bool) {
	switch r.stage {
	case waiting:
		l.endWait(r)
	case receiving:
		r.sent += now - r.since
	default:
		return c, false
	}
	if r.overdue {
		r.overdue = false
		l.overdue.Add(-1)
	}
	crowd := l.working
	r.left = result == Left
	l.enter(r, answering, now)
	c = r.compare(now)
	c.CrowdAtEnd = crowd
	l.record(r, now, result, &c, decay)
	return c, true
}

// End records that a request is over. One that still waits has left, and is compared with what is
// usual.
func (l *Load) End(r *Request, now Instant, decay time.Duration) (c Comparison, left bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, left = l.conclude(r, now, Left, decay)
	if r.stage == over {
		return c, left
	}
	if r.stage == answering && !r.left {
		r.table.finish(r.route, now.Sub(r.sent).Seconds())
	}
	r.stage = over
	l.active.remove(r)
	l.setParksAt()
	if r.parked {
		r.parked = false
		l.parked.Add(-1)
	}
	l.recount(r)
	return c, left
}
