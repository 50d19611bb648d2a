package healthprobe

// queueConcurrency is the maximum number of checks of a queue that run at once. It bounds sockets
// and memory, and is far above the need: at 2,000 checks a second, each may take a tenth of a
// second on average.
const queueConcurrency = 256

// queue bounds the number of checks that run at once. Endpoints whose last check ran into the time
// limit have a queue of their own, so that many of them delay only one another.
type queue struct {
	running int
	waiting []*target
}

// enter reports whether t may be checked now. Otherwise t waits in the queue.
func (q *queue) enter(t *target) bool {
	if q.running < queueConcurrency {
		q.running++
		return true
	}
	q.waiting = append(q.waiting, t)
	return false
}

// leave notes that a check has ended, and returns the target that may be checked instead, nil if
// none waits.
func (q *queue) leave() *target {
	for len(q.waiting) > 0 {
		t := q.waiting[0]
		q.waiting[0], q.waiting = nil, q.waiting[1:]
		if !t.removed {
			return t
		}
	}
	q.running--
	return nil
}
