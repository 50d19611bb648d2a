package load

// part is what a request in flight counts as.
type part uint8

const (
	neither part = iota // it was not sent yet, or is over
	work                // the endpoint works on it
	idle                // it is parked, the client sends it, or its answer is being read
)

// recount counts a request as what it is now. The caller must hold the lock.
//
// A request that is parked only because it waits for too long still counts as work: an endpoint
// that hangs has not become idle by that.
func (l *Load) recount(r *Request) {
	now := r.part()
	if now == r.counted {
		return
	}
	switch r.counted {
	case work:
		l.working--
	case idle:
		l.idle.Add(-1)
	}
	switch now {
	case work:
		l.working++
	case idle:
		l.idle.Add(1)
	}
	r.counted = now
}

func (r *Request) part() part {
	switch {
	case r.stage == unsent, r.stage == over:
		return neither
	case r.stage == waiting && (!r.parked || r.overdue):
		return work
	}
	return idle
}

// Idle returns the number of requests in flight that the endpoint does not work on: those that are
// parked, that the client still sends, and whose answers are being read.
func (l *Load) Idle() int { return int(l.idle.Load()) }
