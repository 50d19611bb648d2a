package healthprobe

import (
	"container/heap"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// target is an endpoint that is checked.
type target struct {
	endpoint *endpoint.Endpoint
	latest   *listing.Info
	probed   Target // belongs to the check while there is one
	batch    *batch // nil if it is not being checked
	due      time.Time
	place    int // in the schedule; -1 if it is not there, because it is being checked or waits for a lane
	gone     bool
	hangs    bool // its last check ran into the time limit
}

// schedule is who is to be checked when. A timer for each endpoint would be a goroutine or a callback
// for each; a heap needs one timer for all.
type schedule []*target

func (s *schedule) add(t *target, due time.Time) {
	t.due = due
	heap.Push(s, t)
}

func (s *schedule) remove(t *target) {
	if t.place >= 0 {
		heap.Remove(s, t.place)
	}
}

// next takes whoever is due, nil if nobody is.
func (s *schedule) next(now time.Time) *target {
	if len(*s) == 0 || (*s)[0].due.After(now) {
		return nil
	}
	return heap.Pop(s).(*target)
}

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].due.Before(s[j].due) }

func (s schedule) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].place, s[j].place = i, j
}

func (s *schedule) Push(t any) {
	t.(*target).place = len(*s)
	*s = append(*s, t.(*target))
}

func (s *schedule) Pop() any {
	last := len(*s) - 1
	t := (*s)[last]
	(*s)[last], *s = nil, (*s)[:last]
	t.place = -1
	return t
}
