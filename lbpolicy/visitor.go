package lbpolicy

import "math"

// visitor is a node on its way through the slots: it visits all of them once, in a
// pseudo-random order of its own. The order is a permutation that can be asked both
// ways, when a slot is visited and which slot is next.
type visitor struct {
	a, b, c, offset uint32
	late            float64 // between 0 and 1, so that no two visits fall together
	perWeight       float64 // 1/weight
	index           int32
}

const golden = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func newVisitor(n node, index int32) visitor {
	g, h := mix(n.hash+golden), mix(n.hash^golden)
	return visitor{
		a: uint32(g) | 1, b: uint32(g>>32) | 1, c: uint32(h) | 1, offset: uint32(h >> 32), // odd factors have an inverse
		late:      float64(n.hash>>11) / (1 << 53),
		perWeight: 1 / float64(n.weight),
		index:     index,
	}
}

// half is where a slot's bits are folded: shifting by at least half of them undoes itself.
const half = (slotBits + 1) / 2

// place is when in its order the node visits a slot.
func (v *visitor) place(slot uint32) uint32 {
	x := (slot*v.a + v.offset) & slotMask
	x = (x ^ x>>half) * v.b & slotMask
	return (x ^ x>>half) * v.c & slotMask
}

// tour returns the function from places to slots.
func (v *visitor) tour() func(place uint32) uint32 {
	a, b, c := inverse(v.a), inverse(v.b), inverse(v.c)
	return func(place uint32) uint32 {
		x := place * c & slotMask
		x = (x ^ x>>half) * b & slotMask
		return ((x ^ x>>half) - v.offset) * a & slotMask
	}
}

// inverse is the factor that undoes an odd one modulo 2^32, by Newton's method: x is right
// in 3 bits to begin with, and in twice as many after each step.
func inverse(odd uint32) uint32 {
	x := odd
	for range 4 {
		x *= 2 - odd*x
	}
	return x
}

// sooner is the time of the visit at a place, if that is before another. Places are times uniform
// in [0,1); -ln(1-u)/weight makes of them exponential times at a rate of the weight, among which
// each is first as often as its share. The logarithm is the costly part, and -ln(1-u) >= u
// rules most visits out without it.
func (v *visitor) sooner(place uint32, than float64) (time float64, ok bool) {
	u := (float64(place) + v.late) / slots
	if u*v.perWeight >= than {
		return 0, false
	}
	time = -math.Log1p(-u) * v.perWeight
	return time, time < than
}

// race fills the table of winners: every node visits its slots up to a time, until each
// slot has been visited. After depth/weight of all, a slot has been with a probability of 1 - e^-depth.
func (z *rendezvous) race() {
	first := make([]float64, slots)
	for i := range first {
		first[i] = math.Inf(1)
	}
	z.winners = make([]int32, slots)
	var weight float64
	for i := range z.visitors {
		weight += 1 / z.visitors[i].perWeight
	}
	next := make([]uint32, len(z.visitors))
	const depth = slotBits*math.Ln2 + 2 // leaves a slot open once in e^2 tables
	for until, open := depth/weight, slots; open > 0; until *= 1.5 {
		for i := range z.visitors {
			var won int
			next[i], won = z.visitors[i].visit(z.winners, first, next[i], until)
			open -= won
		}
	}
}

// visit visits slots from a place on, up to a time, and takes those it is the first at. It
// returns where to go on, and how many slots had not been visited before.
func (v *visitor) visit(winners []int32, first []float64, from uint32, until float64) (next uint32, opened int) {
	slotAt := v.tour()
	// The time of a place is known; the place of a time follows from it.
	last := min(uint32(max(-math.Expm1(-until/v.perWeight)*slots-v.late, 0))+1, slots)
	for place := from; place < last; place++ {
		slot := slotAt(place)
		if t, ok := v.sooner(place, min(first[slot], until)); ok {
			if math.IsInf(first[slot], 1) {
				opened++
			}
			first[slot], winners[slot] = t, v.index
		}
	}
	return last, opened
}
