package simulation

import (
	"math"
	"slices"
	"time"
)

// foresee returns how long a new job would take if no other came. Between two jobs that leave, all
// get the same service: the next one leaves when attained reaches its mark.
func (s *sharing) foresee(work time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceLocked()
	if s.speed == 0 {
		return math.MaxInt64
	}
	seconds, attained, target := 0., s.attained, s.attained+work.Seconds()
	marks := s.marksLocked(target)
	for i, mark := range marks {
		// The new job, the jobs that leave before it and are still there, and those that leave
		// after it.
		sharers := len(s.jobs) - i + 1
		seconds += (mark - attained) / s.rate(sharers)
		attained = mark
	}
	seconds += (target - attained) / s.rate(len(s.jobs)-len(marks)+1)
	return time.Duration(seconds * float64(time.Second))
}

// marksLocked returns the values of attained, in order, at which jobs leave before the target.
func (s *sharing) marksLocked(target float64) []float64 {
	var marks []float64
	for _, j := range s.jobs {
		if j.leaves < target {
			marks = append(marks, j.leaves)
		}
	}
	slices.Sort(marks)
	return marks
}
