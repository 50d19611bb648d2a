package lbpolicy

import (
	"sync"
	"sync/atomic"
)

// batchSize is the number of picks that are computed under one lock. A larger batch would only make
// other requests wait longer: 64 picks take 15 µs at 10,000 weights.
const batchSize = 64

// schedule deals out picks in a repeating cycle of W picks, where W is the sum of the weights.
// After t picks of a cycle, the count of an endpoint of weight w differs from t*w/W by less than
// one pick, and after W picks it is exactly w.
//
// In other words, its pick k (from 0) is within the window [floor(k*W/w), ceil((k+1)*W/w)) (Baruah,
// Cohen, Plaxton and Varvel, "Proportionate Progress", 1996). Of all open windows the one that ends
// first is served. A fluid that gives each endpoint w/W of every pick meets all windows. Therefore
// this schedule meets them too and never idles, because earliest deadline first is optimal for unit
// jobs.
//
// Rejected: smooth weighted round robin (NGINX), which looks at all endpoints on each pick, and
// deadlines without starts (Envoy), where half the weight leads by a quarter of a cycle.
type schedule struct {
	cycle uint64 // W
	batch atomic.Pointer[batch]

	mu      sync.Mutex // guards the fields below
	now     uint64     // picks since the start of the first cycle; a billion a second overflow it in 500 years
	start   uint64     // now at the first pick; each whole number of cycles later is a cut
	groups  []group
	waiting eventHeap // groups by the start of their next window
	ready   eventHeap // groups by the end of their open window
}

// batch is a number of picks in order. It is never reused, because a slow reader may still have to
// read its pick when all others have moved on to later batches.
type batch struct {
	taken atomic.Uint64
	picks [batchSize]int32
}

// newSchedule returns a schedule that starts at a place of the cycle drawn from random(n), uniform
// in [0,n), so that proxies that start together do not pick the same endpoints in step.
func newSchedule(weights []uint32, random func(n uint64) uint64) *schedule {
	s := &schedule{}
	s.groups, s.cycle = groupByWeight(weights)
	if s.cycle > 0 {
		s.startAt(random(s.cycle), lookBackEvents/len(s.groups))
		s.replace(nil)
	}
	return s
}

// next returns an index into the weights, or -1 if none is positive. No pick is lost, and none goes
// to two callers.
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

// replace computes the batch that follows the used one, unless another caller has done so.
func (s *schedule) replace(used *batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.batch.Load() == used {
		b := &batch{}
		for i := range b.picks {
			b.picks[i] = s.nextLocked()
		}
		s.batch.Store(b)
	}
}

// nextLocked computes one pick.
func (s *schedule) nextLocked() int32 {
	for len(s.waiting) > 0 && s.waiting[0].at <= s.now {
		s.open(s.waiting.pop().group)
	}
	i := s.ready.pop().group
	s.now++
	return s.serve(i)
}

// open moves a group from the start of its window to its end by addition, because k*W would
// overflow in the long run.
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

// serve gives a pick of the group to its next member, and closes the group's window.
func (s *schedule) serve(i int32) int32 {
	g := &s.groups[i]
	s.waiting.push(event{g.end, i})
	g.turn = (g.turn + 1) % len(g.members)
	return g.members[g.turn]
}
