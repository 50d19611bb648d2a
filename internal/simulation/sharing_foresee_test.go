package simulation

import (
	"math"
	"slices"
	"time"
)

// foresee returns how long a new job would take if no other came.
func (s *sharing) foresee(work time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceLocked()
	switch {
	case s.speed == 0:
		return math.MaxInt64
	case s.atOnce > 0:
		return s.foreseeInLineLocked(work.Seconds())
	}
	return s.foreseeSharedLocked(work.Seconds())
}

// foreseeInLineLocked gives each job of the line the worker that is free first, and then the new
// job.
func (s *sharing) foreseeInLineLocked(work float64) time.Duration {
	free := make([]float64, s.atOnce)
	for i := range free {
		free[i] = s.attained
		if i < len(s.jobs) {
			free[i] = s.jobs[i].leaves
		}
	}
	for _, j := range s.line {
		slices.Sort(free)
		free[0] += j.work
	}
	return seconds((slices.Min(free) + work - s.attained) / s.speed)
}

// foreseeSharedLocked goes from one job that leaves to the next. Between them all get the same
// service, so the next one leaves when attained reaches its mark.
func (s *sharing) foreseeSharedLocked(work float64) time.Duration {
	var took float64
	attained, target := s.attained, s.attained+work
	marks := s.marksLocked(target)
	for i, mark := range marks {
		took += (mark - attained) / s.rate(len(s.jobs)-i+1)
		attained = mark
	}
	return seconds(took + (target-attained)/s.rate(len(s.jobs)-len(marks)+1))
}

// marksLocked returns the values of attained, in order, at which jobs leave before the target.
func (s *sharing) marksLocked(target float64) (marks []float64) {
	for _, j := range s.jobs {
		if j.leaves < target {
			marks = append(marks, j.leaves)
		}
	}
	slices.Sort(marks)
	return marks
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
