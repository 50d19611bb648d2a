package lbpolicy

import (
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
)

// batchSize picks are worked out at a time, so that the lock is taken once per batch. A larger batch saves little
// and keeps those who arrive meanwhile waiting for longer: 64 picks take about 15 µs at 10,000 different weights.
const batchSize = 64

// schedule deals out picks in a repeating cycle of W = sum of weights picks. Counted from the cycle's start, an
// endpoint of weight w has always had less than one pick more or less than t*w/W, and exactly w after W picks.
//
// That is to say that its pick k (from 0) comes within the window [floor(k*W/w), ceil((k+1)*W/w)): Baruah, Cohen,
// Plaxton and Varvel, "Proportionate Progress", 1996. Of the picks whose window is open it takes the one whose
// window ends first. A fluid that gives each endpoint w/W of every pick meets all windows, so this does too and
// never idles, as earliest deadline first is optimal for unit jobs on one machine. Rejected: the smooth weighted
// round robin of nginx (looks at all endpoints on each pick), and earliest deadline first without the windows'
// starts as in Envoy (an endpoint with half of the total weight runs ahead by a quarter of the cycle).
type schedule struct {
	cycle uint64 // W
	batch atomic.Pointer[batch]

	mu      sync.Mutex // guards all below
	now     uint64     // in picks from the start of the first cycle; a billion a second fill it in 500 years
	cut     uint64     // when the schedule will next be at the place of the cycle where it began
	groups  []group
	waiting eventHeap // groups by the start of their next window
	ready   eventHeap // groups by the end of their open window
}

// batch is never recycled: a slow reader may be about to read its pick when all others have long moved on.
type batch struct {
	taken atomic.Uint64
	picks [batchSize]int32
}

// newSchedule starts at a place of the cycle drawn from random(n), uniform in [0,n), so that proxies started
// together do not march in step.
func newSchedule(weights []uint32, random func(n uint64) uint64) *schedule {
	s := &schedule{}
	s.groups, s.cycle = groupByWeight(weights)
	if s.cycle > 0 {
		s.startAt(random(s.cycle))
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
	if s.batch.Load() != used {
		return
	}
	b := &batch{}
	for i := range b.picks {
		b.picks[i] = s.pick()
	}
	s.batch.Store(b)
}

func (s *schedule) pick() int32 {
	for len(s.waiting) > 0 && s.waiting[0].at <= s.now {
		s.open(s.waiting.pop().group)
	}
	i := s.ready.pop().group
	if s.now++; s.now == s.cut {
		s.cut += s.cycle
	}
	return s.take(i)
}

func (s *schedule) open(i int32) {
	g := &s.groups[i]
	g.advance()
	deadline := g.deadline()
	if g.early {
		deadline = min(deadline, s.cut)
	}
	s.ready.push(event{deadline, i})
}

func (s *schedule) take(i int32) int32 {
	g := &s.groups[i]
	s.waiting.push(event{g.end, i})
	picked := g.members[g.turn]
	g.turn = (g.turn + 1) % len(g.members)
	return picked
}

// startAt begins as if t picks had been made. What lies before t is done and what lies after is not; of the picks
// with t inside their window, as many as owed are done, those whose windows end first. The same ones are done
// whenever the cut comes round (group.early), so the sequence repeats from its first pick on.
//
// That leaves a feasible schedule on both sides of t. After t: at least as many of those that end first must be
// done as the fluid has done, rounded down. Before t: see lookBack. The fluid itself meets the bounds of both
// kinds; either kind is about nested sets, so whole numbers can meet both (their matrix is totally unimodular);
// and then the greedy choice does, which is the best basis of the matroid of the second kind.
func (s *schedule) startAt(t uint64) {
	s.now, s.cut = t, t+s.cycle
	across, owed := s.lookBack(t)
	done := int64(0)
	for n := len(across) - 1; n >= 0; n-- {
		s.open(across[n])
		for ; done < owed[n]; done++ {
			i := s.ready.pop().group
			s.groups[i].early = true
			s.take(i)
		}
	}
}

// lookBackEvents bounds the work of lookBack. With fewer, more than a few hundred endpoints of small weights that
// are all different would wait longer for their first picks than their share is.
const lookBackEvents = 1 << 14

// lookBack seeks all groups to t and returns those with t inside a window, newest first, and how many of all but
// the n newest must be done because the time before t would not have held the others otherwise.
//
// At each time s before t the fluid has begun some picks, and its parts of them add up to a whole number: in any
// schedule so many of them are done. Those whose windows end by t may all be among them; the rest is owed. So
// owed is the sum over the groups of the part done at s, less 1 if the window ends by t. Once a group has been
// followed for some windows its term, which is negative, is taken as 0; this can only ask for more.
func (s *schedule) lookBack(t uint64) (across []int32, owed []int64) {
	places, past, sum := s.seek(t)
	cycle, slope, back := int64(s.cycle), int64(s.cycle), uint64(0) // sum falls by the slope per pick further back
	owed = []int64{sum / cycle}
	for follow := lookBackEvents / len(s.groups); len(across) < len(s.groups)-len(s.waiting); {
		e := past.pop()
		p, rate := &places[e.group], s.groups[e.group].rate
		sum -= slope * int64(e.at-back)
		back = e.at
		if p.windows > 0 {
			sum += cycle
		} else if p.part > 0 {
			across, owed = append(across, e.group), append(owed, 0)
		}
		if p.windows > follow {
			sum -= int64(p.part) + int64(p.windows)*cycle - int64(back*rate)
			slope -= int64(rate)
		} else if p.windows++; uint64(p.windows) <= p.picks {
			start, _ := mulDiv(p.picks-uint64(p.windows), s.cycle, rate)
			past.push(event{t - start, e.group})
		}
		owed[len(across)] = max(owed[len(across)], sum/cycle)
	}
	return across, owed
}

type place struct {
	picks, part uint64 // whole picks that the fluid has done, and 1/W parts of the next
	windows     int    // followed so far
}

// seek returns in past the groups by how long before t their last window started, and the sum of all parts.
func (s *schedule) seek(t uint64) (places []place, past eventHeap, sum int64) {
	for i := range s.groups {
		g := &s.groups[i]
		picks, part := mulDiv(t, g.rate, s.cycle)
		g.turn = int(picks % uint64(len(g.members)))
		g.end, g.endPart = mulDiv(picks, s.cycle, g.rate)
		if part == 0 {
			s.waiting.push(event{g.end, int32(i)})
		}
		places = append(places, place{picks: picks, part: part})
		past.push(event{t - g.end, int32(i)})
		sum += int64(part)
	}
	return places, past, sum
}

// group is all endpoints of one weight, scheduled as one that passes its picks round. The window of each pick lies
// within that of the member which gets it, so the bounds hold for every member. The heaps hold one entry per
// different weight, and equal weights are plain round robin.
type group struct {
	members []int32
	turn    int
	early   bool   // the pick with the cut inside its window comes before the cut
	rate    uint64 // picks per cycle

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
	members := make([]int32, len(order))
	for i, o := range order {
		if i == 0 || o>>32 != order[i-1]>>32 {
			groups = append(groups, group{})
		}
		g := &groups[len(groups)-1]
		members[i] = int32(uint32(o))
		g.members = members[i-len(g.members) : i+1]
		g.rate += o >> 32
		g.step, g.stepPart = cycle/g.rate, cycle%g.rate
	}
	return groups, cycle
}

// advance goes from the start of a window to its end, by addition, as k*W would overflow in the long run.
func (g *group) advance() {
	g.end += g.step
	if g.endPart += g.stepPart; g.endPart >= g.rate {
		g.endPart -= g.rate
		g.end++
	}
}

func (g *group) deadline() uint64 { return g.end + min(g.endPart, 1) }

// mulDiv returns a*b/c and a*b%c without overflow, for a < c or b < c.
func mulDiv(a, b, c uint64) (quo, rem uint64) {
	hi, lo := bits.Mul64(a, b)
	return bits.Div64(hi, lo, c)
}

// eventHeap is a binary heap by time; container/heap would allocate on every push. Ties go by group, so that the
// order depends on what is in it only and the sequence repeats exactly.
type eventHeap []event

type event struct {
	at    uint64
	group int32
}

func (e event) before(o event) bool {
	return e.at < o.at || e.at == o.at && e.group < o.group
}

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
	q := *h
	top, last := q[0], q[len(q)-1]
	q = q[:len(q)-1]
	i := 0
	for child := 1; child < len(q); child = 2*i + 1 {
		if child+1 < len(q) && q[child+1].before(q[child]) {
			child++
		}
		if last.before(q[child]) {
			break
		}
		q[i], i = q[child], child
	}
	if len(q) > 0 {
		q[i] = last
	}
	*h = q
	return top
}
