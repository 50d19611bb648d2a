package lbpolicy

import (
	"math"
	"math/bits"
)

const (
	// arrivalSteps is the number of instants in which a bidder visits all slots. They are finer
	// than the slots, so that two bidders rarely visit one at the same instant.
	arrivalSteps = 1 << 32

	// fold is a shift by at least half the bits, which makes x ^ x>>fold its own inverse.
	fold = (slotBits + 1) / 2
)

// bidder is a node with its order of visits to the slots.
type bidder struct {
	a, b, c, k uint32 // the permutation of the slots; a, b and c are odd
	weight     float64
	rank       uint32
	index      int32
}

func newBidder(n node, index int) bidder {
	h := mix(n.hash + golden)
	g := mix(h + golden)
	return bidder{
		a: uint32(h) | 1, b: uint32(h>>32) | 1, c: uint32(g) | 1, k: uint32(g >> 32),
		weight: float64(n.weight), index: int32(index),
	}
}

// arrival returns when the bidder visits a slot, for a weight of 1 and evenly spaced visits. The
// upper bits are the number of slots visited before. The bits below are a pseudo-random fraction,
// which the last product yields at no extra cost. Two multiplications would suffice for the mean,
// but then one pair of endpoints in a thousand would share unevenly.
func (b *bidder) arrival(slot uint32) uint32 {
	x := slot * b.a % slotCount
	x = (x ^ x>>fold) * b.b % slotCount
	return bits.RotateLeft32((x^x>>fold)*b.c+b.k, 32-slotBits)
}

// earliest returns the first arrival at any of the slots. It is a function of its own, because its
// minimum, if inlined, is compiled to branches that the processor mispredicts every time.
func (b *bidder) earliest(at *[draws]uint32) uint32 {
	return min(b.arrival(at[0]), b.arrival(at[1]), b.arrival(at[2]))
}

// visit enters the bids of the bidder's first visits. It is the inverse of arrival.
func (b *bidder) visit(first []uint64, visits uint32) {
	inverseA, inverseB, inverseC := inverse(b.a), inverse(b.b), inverse(b.c)
	first = first[:slotCount]
	// Local copies, because the compiler must assume that writes to first change the fields.
	weight, rank, c, k := b.weight, b.rank, b.c, b.k
	for j := range visits {
		x := (j - k) * inverseC % slotCount
		arrival := bits.RotateLeft32(x*c+k, 32-slotBits)
		x = (x ^ x>>fold) * inverseB % slotCount
		slot := (x ^ x>>fold) * inverseA % slotCount
		first[slot] = max(first[slot], bid(weight/exposure(arrival), rank))
	}
}

// inverse returns the x with a·x = 1 modulo 2³². Each Newton step doubles the number of correct
// bits, and a itself has three.
func inverse(a uint32) uint32 {
	x := a
	for range 4 {
		x *= 2 - a*x
	}
	return x
}

// exposure returns -ln(1-x) for x = (arrival+½)/arrivalSteps, in units of 1/arrivalSteps. It is the
// time at which a bidder of weight 1 arrives. It is three times as fast as math.Log. Unlike
// math.Log, it is the same to the last bit on all processors, because the conversions to float64
// keep the compiler from fusing products and sums.
func exposure(arrival uint32) float64 {
	rest := 1<<33 - 1 - 2*uint64(arrival) // (1-x)·2³³: odd, so never 0
	zeros := bits.LeadingZeros64(rest)
	below := -(rest << zeros) // how far the mantissa is below the next power of two, 2⁶⁴
	s := &segments[below>>55]
	d := float64(int64(below % (1 << 55)))
	return float64(float64(zeros-31)*(math.Ln2*arrivalSteps)) + s.log + float64(d*(s.slope+float64(d*s.bend)))
}

// segments has -ln(r) and its Taylor terms for r = 1, 511/512 ... 256/512. Two terms are exact to
// two parts in a million. The logarithm is rounded to whole units, because the last bit of math.Log
// differs between processors.
var segments = func() (t [257]struct{ log, slope, bend float64 }) {
	for i := range t {
		r := 1 - float64(i)/512
		t[i].log = math.Round(-math.Log(r) * arrivalSteps)
		t[i].slope = 0x1p-32 / r
		t[i].bend = 0x1p-97 / (r * r)
	}
	return t
}()
