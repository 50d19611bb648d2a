package healthprobe

// laneSize is how many checks run at once in a lane. It is a bound for sockets and memory, far above what is
// needed: at 2,000 checks a second, each may take a tenth of a second on average.
const queueConcurrency = 256

// lane bounds how many checks run at once. There is one for endpoints whose last check hung until its time
// limit, so that many of those delay only one another.
type queue struct {
	running int
	waiting []*target
}

// enter reports whether t may be checked now; if not, it waits.
func (l *queue) enter(t *target) bool {
	if l.running < queueConcurrency {
		l.running++
		return true
	}
	l.waiting = append(l.waiting, t)
	return false
}

// leave is for a check that ended; it returns who takes its place.
func (l *queue) leave() *target {
	for len(l.waiting) > 0 {
		t := l.waiting[0]
		l.waiting[0], l.waiting = nil, l.waiting[1:]
		if !t.gone {
			return t
		}
	}
	l.running--
	return nil
}
