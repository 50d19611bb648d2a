package simulation

import (
	"container/heap"
	"context"
	"math"
	"sync"
	"time"
)

// sharing is a server that works on all its requests at once (processor sharing): each gets a core of its own while there are
// enough, and an equal part of them all beyond that. This is what a program with threads or goroutines does. A queue in front of a
// fixed number of workers would make latency depend less on the work in the request and more on the load.
//
// Every job present is given the same service, so one number says how far all of them are: attained. A job that comes in at
// attained a with work w leaves when attained reaches a+w, whatever happens to speed and company meanwhile. That makes each event
// O(log n).
type sharing struct {
	cores float64

	mu       sync.Mutex
	speed    float64 // 1 does a second of work in a second on one core
	jobs     jobs
	attained float64 // seconds
	since    time.Time
	timer    *time.Timer
}

func newSharing(cores int, speed float64) *sharing {
	return &sharing{cores: float64(cores), speed: speed, since: time.Now()}
}

func (s *sharing) serve(ctx context.Context, work time.Duration) error {
	j := s.enter(work)
	select {
	case <-j.done:
		return nil
	case <-ctx.Done():
		s.abandon(j)
		return ctx.Err()
	}
}

// setSpeed changes how fast the server works from now on. 0 stops it.
func (s *sharing) setSpeed(speed float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceLocked()
	s.speed = speed
	s.scheduleLocked()
}

func (s *sharing) enter(work time.Duration) *job {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceLocked()
	j := &job{leaves: s.attained + work.Seconds(), done: make(chan struct{})}
	heap.Push(&s.jobs, j)
	s.scheduleLocked()
	return j
}

func (s *sharing) abandon(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceLocked()
	if j.index >= 0 {
		heap.Remove(&s.jobs, j.index)
	}
	s.scheduleLocked()
}

// finish lets go of all jobs that are due.
func (s *sharing) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceLocked()
	for len(s.jobs) > 0 && s.jobs[0].leaves <= s.attained+tolerance {
		close(heap.Pop(&s.jobs).(*job).done)
	}
	s.scheduleLocked()
}

// tolerance is for timers that count in nanoseconds and sums that round.
const tolerance = 2e-9

func (s *sharing) rateLocked() float64 {
	return s.speed * min(1, s.cores/float64(max(len(s.jobs), 1)))
}

func (s *sharing) advanceLocked() {
	now := time.Now()
	s.attained += now.Sub(s.since).Seconds() * s.rateLocked()
	s.since = now
}

func (s *sharing) scheduleLocked() {
	rate := s.rateLocked()
	if len(s.jobs) == 0 || rate == 0 {
		s.stopLocked()
		return
	}
	left := max(s.jobs[0].leaves-s.attained, 0) / rate
	wait := time.Duration(math.Ceil(left * float64(time.Second)))
	if s.timer == nil {
		s.timer = time.AfterFunc(wait, s.finish)
		return
	}
	s.timer.Reset(wait)
}

func (s *sharing) stopLocked() {
	if s.timer != nil {
		s.timer.Stop()
	}
}

// job is a request that a sharing server works on.
type job struct {
	leaves float64
	index  int // in the heap, -1 once out of it
	done   chan struct{}
}

type jobs []*job

func (j jobs) Len() int           { return len(j) }
func (j jobs) Less(a, b int) bool { return j[a].leaves < j[b].leaves }

func (j jobs) Swap(a, b int) {
	j[a], j[b] = j[b], j[a]
	j[a].index, j[b].index = a, b
}

func (j *jobs) Push(x any) {
	x.(*job).index = len(*j)
	*j = append(*j, x.(*job))
}

func (j *jobs) Pop() any {
	last := (*j)[len(*j)-1]
	*j = (*j)[:len(*j)-1]
	last.index = -1
	return last
}
