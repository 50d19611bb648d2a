package healthprobe

import (
	"container/heap"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// target is an endpoint that the prober checks with one of its probes. The prober's mutex guards
// it, except for probed.
type target struct {
	endpoint *endpoint.Endpoint
	probe    *scheduledProbe
	position int       // of the probe
	latest   *Endpoint // what the sources report now; the next check gets it
	probed   Target    // owned by the check while one is running
	batch    *batch    // nil while no check is running
	due      time.Time
	index    int          // in the schedule; -1 while the target is in a queue or being checked
	removed  bool         // whether the endpoint has left the pool
	hung     bool         // whether the last check ran into the time limit
	passed   load.Instant // when a check last passed; zero if none has
}

// schedule is a heap of targets by the time of their next check. It needs one timer for all, where
// a timer for each endpoint would mean a goroutine or a callback for each.
type schedule []*target

func (s *schedule) add(t *target, due time.Time) {
	t.due = due
	heap.Push(s, t)
}

func (s *schedule) remove(t *target) {
	if t.index >= 0 {
		heap.Remove(s, t.index)
	}
}

// next removes and returns a target that is due, nil if none is.
func (s *schedule) next(now time.Time) *target {
	if len(*s) == 0 || (*s)[0].due.After(now) {
		return nil
	}
	return heap.Pop(s).(*target)
}

// Len implements heap.Interface.
func (s schedule) Len() int { return len(s) }

// Less implements heap.Interface.
func (s schedule) Less(i, j int) bool { return s[i].due.Before(s[j].due) }

// Swap implements heap.Interface.
func (s schedule) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].index, s[j].index = i, j
}

// Push implements heap.Interface.
func (s *schedule) Push(t any) {
	t.(*target).index = len(*s)
	*s = append(*s, t.(*target))
}

// Pop implements heap.Interface.
func (s *schedule) Pop() any {
	last := len(*s) - 1
	t := (*s)[last]
	(*s)[last], *s = nil, (*s)[:last]
	t.index = -1
	return t
}
