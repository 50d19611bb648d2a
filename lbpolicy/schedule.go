package lbpolicy

import (
	"math/bits"
	"slices"
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

// startAt begins as if t picks had been made. What lies before t is done and what lies after is not; of the picks with t inside their
// window, as many as owed are done, those whose windows end first. The same ones are done at every cut (group.early), so the sequence
// repeats from its first pick on.
//
// That leaves a feasible schedule after t if of those that end first at least as many are done as the fluid has done, rounded down, and
// before t if the owed ones are. The fluid meets both kinds of bound; either is about nested sets, so whole numbers can meet both (their
// matrix is totally unimodular), and then the greedy choice does.
func (s *schedule) startAt(t uint64, follow int) {
	s.now, s.start = t, t
	across, owed := s.lookBack(t, uint64(follow))
	for done, n := int64(0), len(across)-1; n >= 0; n-- {
		s.open(across[n])
		for ; done < owed[n]; done++ {
			i := s.ready.pop().group
			s.groups[i].early = true
			s.take(i)
		}
	}
}

// lookBackEvents bounds lookBack. With fewer, hundreds of small, all different weights wait longer for first picks.
const lookBackEvents = 1 << 14

// lookBack returns the groups by the start of their window at t, newest first, and for each n how many of all but the n newest must be done
// at t because the time before would not have held the others.
//
// At each time s before t the fluid has begun some picks, and its parts of them add up to a whole number: in any schedule so many of them
// are done. Those whose windows end by t may all be among them; the rest is owed: the sum of the parts done at s, less 1 for each window
// that ends by t. A group that has been followed for long counts as 0, not negative: that asks for more, yet for no more than the fluid did.
func (s *schedule) lookBack(t, follow uint64) (across []int32, owed []int64) {
	past, sum := s.seek(t)
	owed = append(owed, int64(sum/s.cycle))
	slope := s.cycle // at time t-at, sum-slope*at is owed; the product may wrap round, but the difference is small
	followed := make([]uint64, len(s.groups))
	for len(across) < len(s.groups) {
		e := past.pop()
		windows, rate := followed[e.group], s.groups[e.group].rate
		picks, part := mulDiv(t, rate, s.cycle)
		if windows == 0 {
			across, owed = append(across, e.group), append(owed, 0)
		} else {
			sum += s.cycle
		}
		if windows > follow {
			sum -= part + windows*s.cycle
			slope -= rate
		} else if windows < picks {
			start, _ := mulDiv(picks-windows-1, s.cycle, rate)
			past.push(event{t - start, e.group})
		}
		followed[e.group]++
		owed[len(across)] = max(owed[len(across)], int64(sum-slope*e.at)/int64(s.cycle))
	}
	return across, owed
}

// seek takes each group to the start of its window at t. past has them by how long ago that is; sum is what the fluid has done since, in 1/W.
func (s *schedule) seek(t uint64) (past eventHeap, sum uint64) {
	for i := range s.groups {
		g := &s.groups[i]
		picks, part := mulDiv(t, g.rate, s.cycle)
		g.turn = int(picks % uint64(len(g.members)))
		g.end, g.endPart = mulDiv(picks, s.cycle, g.rate)
		past.push(event{t - g.end, int32(i)})
		sum += part
	}
	return past, sum
}

// group is all endpoints of one weight, scheduled as one that passes its picks round. The window of each pick lies within that of the
// member that gets it, so the bounds hold for all. With equal weights this is plain round robin.
type group struct {
	members        []int32
	turn           int    // of the member that had the last pick
	early          bool   // the pick with a cut inside its window comes before the cut
	rate           uint64 // picks per cycle
	step, stepPart uint64 // W/rate: whole picks, and parts of 1/rate
	end, endPart   uint64 // end of the open window, or of the last one, which is the start of the next
}

// groupByWeight also returns the sum of the weights.
func groupByWeight(weights []uint32) (groups []group, cycle uint64) {
	order := make([]uint64, 0, len(weights)) // weight, then index
	for i, w := range weights {
		if w > 0 {
			order = append(order, uint64(w)<<32|uint64(i))
			cycle += uint64(w)
		}
	}
	slices.Sort(order)
	for i, o := range order {
		if i == 0 || o>>32 != order[i-1]>>32 {
			groups = append(groups, group{})
		}
		g := &groups[len(groups)-1]
		g.members = append(g.members, int32(uint32(o)))
		g.rate += o >> 32
		g.step, g.stepPart = cycle/g.rate, cycle%g.rate
	}
	return groups, cycle
}

// mulDiv returns a*b/c and a*b%c without overflow, for a < c or b < c.
func mulDiv(a, b, c uint64) (quo, rem uint64) {
	hi, lo := bits.Mul64(a, b)
	return bits.Div64(hi, lo, c)
}

// eventHeap is a binary heap by time; container/heap would allocate on every push. Ties go by group, so that the order depends on what is
// in it only and the sequence repeats exactly.
type eventHeap []event

type event struct {
	at    uint64
	group int32
}

func (e event) before(o event) bool { return e.at < o.at || e.at == o.at && e.group < o.group }

func (h *eventHeap) push(e event) {
	q := append(*h, e)
	i := len(q) - 1
	for ; i > 0 && e.before(q[(i-1)/2]); i = (i - 1) / 2 {
		q[i] = q[(i-1)/2]
	}
	q[i] = e
	*h = q
}

func (h *eventHeap) pop() event {
	q, i := *h, 0
	top, last := q[0], q[len(q)-1]
	*h = q[:len(q)-1]
	for child := 1; child < len(q)-1; child = 2*i + 1 {
		if q[child+1].before(q[child]) { // if this is last itself, it goes back to where it was
			child++
		}
		if last.before(q[child]) {
			break
		}
		q[i], i = q[child], child
	}
	q[i] = last
	return top
}
