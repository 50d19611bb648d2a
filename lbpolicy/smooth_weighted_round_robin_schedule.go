package lbpolicy

import (
	"sync"
	"sync/atomic"
)

// batchSize picks are made under one lock. More would only make others wait longer: 64 take 15 µs at 10,000 weights.
const batchSize = 64

// schedule deals out picks in a repeating cycle of W = sum of weights picks. Counted from the cycle's start, an endpoint of weight w has
// always had less than one pick more or less than t*w/W, and exactly w after W picks.
//
// In other words its pick k (from 0) comes within the window [floor(k*W/w), ceil((k+1)*W/w)) (Baruah, Cohen, Plaxton, Varvel,
// "Proportionate Progress", 1996). Of all open windows the one that ends first is served. A fluid that gives each endpoint w/W of every
// pick meets all windows, so this does too and never idles: earliest deadline first is optimal for unit jobs. Rejected: smooth weighted
// round robin (nginx; looks at all endpoints on each pick), deadlines without starts (Envoy; half the weight leads by a quarter cycle).
type schedule struct {
	cycle uint64 // W
	batch atomic.Pointer[batch]

	mu      sync.Mutex // guards all below
	now     uint64     // picks since the first cycle's start; a billion a second fill it in 500 years
	start   uint64     // now at the first pick; a whole number of cycles later is a cut
	groups  []group
	waiting eventHeap // groups by the start of their next window
	ready   eventHeap // groups by the end of their open window
}

// batch is never recycled: a slow reader may be about to read its pick when all others have long moved on.
type batch struct {
	taken atomic.Uint64
	picks [batchSize]int32
}

// newSchedule starts at a place of the cycle drawn from random(n), uniform in [0,n), so that proxies started together do not march in step.
func newSchedule(weights []uint32, random func(n uint64) uint64) *schedule {
	s := &schedule{}
	s.groups, s.cycle = groupByWeight(weights)
	if s.cycle > 0 {
		s.startAt(random(s.cycle), lookBackEvents/len(s.groups))
		s.replace(nil)
	}
	return s
}

// next returns an index into the weights, or -1 if none is positive. No pick is lost or given to two callers.
func (s *schedule) next() int {
	if s.cycle == 0 {
		return -1
	}
	for {
		b := s.batch.Load()
		if i := b.taken.Add(1) - 1; i < batchSize {
			return int(b.picks[i])
		}
		s.replace(b)
	}
}

func (s *schedule) replace(used *batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.batch.Load() == used {
		b := &batch{}
		for i := range b.picks {
			b.picks[i] = s.pick()
		}
		s.batch.Store(b)
	}
}

func (s *schedule) pick() int32 {
	for len(s.waiting) > 0 && s.waiting[0].at <= s.now {
		s.open(s.waiting.pop().group)
	}
	i := s.ready.pop().group
	s.now++
	return s.take(i)
}

// open goes from the start of a window to its end by addition, as k*W would overflow in the long run.
func (s *schedule) open(i int32) {
	g := &s.groups[i]
	g.end += g.step
	if g.endPart += g.stepPart; g.endPart >= g.rate {
		g.endPart -= g.rate
		g.end++
	}
	deadline := g.end + min(g.endPart, 1)
	if g.early { // its deadline is the next cut
		deadline = min(deadline, s.now+s.cycle-(s.now-s.start)%s.cycle)
	}
	s.ready.push(event{deadline, i})
}

func (s *schedule) take(i int32) int32 {
	g := &s.groups[i]
	s.waiting.push(event{g.end, i})
	g.turn = (g.turn + 1) % len(g.members)
	return g.members[g.turn]
}
