package simulation

import (
	"container/heap"
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

// sharing is a server that works on all its requests at once (processor sharing). Each has a core
// of its own while there are enough; beyond that, all cores are divided equally. This is how a
// program with threads or goroutines behaves. A queue in front of a fixed number of workers would
// make latency depend less on the work in the request and more on the load.
//
// Every job gets the same service, so one number says how far all of them are: attained. A job of
// work w that enters at attained a leaves when attained reaches a+w, whatever happens to the speed
// and to the other jobs meanwhile. An event therefore costs O(log n).
//
// With atOnce it works on so many requests only, and others wait in line (newWorkers).
type sharing struct {
	cores  float64
	atOnce int // 0 means all

	mu       sync.Mutex
	speed    float64 // 1 does a second of work in a second on one core
	jobs     jobs
	line     []*job  // those that wait
	attained float64 // seconds
	since    time.Time
	timer    *time.Timer
}

func newSharing(cores int, speed float64) *sharing {
	return &sharing{cores: float64(cores), speed: speed, since: time.Now()}
}

// newWorkers makes a server with a fixed number of workers, one on each core. The others wait in
// the order in which they came, as for processes of PHP or Python, or for connections to a
// database. A quick request waits there behind long ones.
func newWorkers(workers int, speed float64) *sharing {
	s := newSharing(workers, speed)
	s.atOnce = workers
	return s
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

// setSpeed changes the speed of the server from now on. 0 stops it.
func (s *sharing) setSpeed(speed float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceLocked()
	s.speed = speed
	s.scheduleLocked()
}

// enter adds a job.
func (s *sharing) enter(work time.Duration) *job {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceLocked()
	j := &job{work: work.Seconds(), index: -1, done: make(chan struct{})}
	s.line = append(s.line, j)
	s.beginLocked()
	s.scheduleLocked()
	return j
}

// beginLocked begins to work on jobs from the line while there is room.
func (s *sharing) beginLocked() {
	for len(s.line) > 0 && (s.atOnce == 0 || len(s.jobs) < s.atOnce) {
		j := s.line[0]
		s.line = s.line[1:]
		j.leaves = s.attained + j.work
		heap.Push(&s.jobs, j)
	}
}

// abandon removes a job whose client has left.
func (s *sharing) abandon(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceLocked()
	if j.index >= 0 {
		heap.Remove(&s.jobs, j.index)
	}
	s.line = slices.DeleteFunc(s.line, func(waiting *job) bool { return waiting == j })
	s.beginLocked()
	s.scheduleLocked()
}

// finish ends all jobs that are due.
func (s *sharing) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceLocked()
	for len(s.jobs) > 0 && s.jobs[0].leaves <= s.attained+tolerance {
		close(heap.Pop(&s.jobs).(*job).done)
	}
	s.beginLocked()
	s.scheduleLocked()
}

// tolerance covers timers that count whole nanoseconds and the rounding of sums. Unit: seconds.
const tolerance = 2e-9

// rateLocked returns the work that each job gets per second.
func (s *sharing) rateLocked() float64 { return s.rate(max(len(s.jobs), 1)) }

// rate returns the work that each of n jobs gets per second.
func (s *sharing) rate(n int) float64 { return s.speed * min(1, s.cores/float64(n)) }

// advanceLocked brings attained up to the current time. It must run before each change of the rate.
func (s *sharing) advanceLocked() {
	now := time.Now()
	s.attained += now.Sub(s.since).Seconds() * s.rateLocked()
	s.since = now
}

// scheduleLocked sets the timer to the end of the first job.
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

// job is a request in a sharing server.
type job struct {
	work   float64 // seconds
	leaves float64
	index  int // in the heap, -1 outside of it
	done   chan struct{}
}

// jobs is a heap with the job that ends first on top.
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
