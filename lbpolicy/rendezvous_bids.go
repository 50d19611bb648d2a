package lbpolicy

import (
	"math"
	"math/bits"
)

// arrivalSteps is the number of instants in which a visitor gets through all slots. They are finer than the slots, so
// that two visitors rarely meet.
const (
	arrivalSteps = 1 << 32
	fold         = (slotBits + 1) / 2 // shifting by half the bits or more makes x ^ x>>fold its own inverse
)

// visitor is a node on its way through the slots.
type bidder struct {
	a, b, c, k uint32 // its permutation of the slots; a, b and c are odd
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

// arrival is when the visitor comes to a slot, were its weight 1 and time even: the number of slots visited before,
// in the upper bits, and below it a pseudo-random fraction, which the last product gives for nothing.
// Two multiplications would do for the mean, but then one pair of endpoints in a thousand shares unevenly.
func (v *bidder) arrival(slot uint32) uint32 {
	x := slot * v.a % slotCount
	x = (x ^ x>>fold) * v.b % slotCount
	return bits.RotateLeft32((x^x>>fold)*v.c+v.k, 32-slotBits)
}

// earliest stays a function of its own: inlined, its minimum is compiled to branches that are mispredicted every time.
func (v *bidder) earliest(at *[draws]uint32) uint32 {
	return min(v.arrival(at[0]), v.arrival(at[1]), v.arrival(at[2]))
}

// visit enters the bids of the visitor's first visits: arrival run backwards.
func (v *bidder) visit(first []uint64, visits uint32) {
	a, b, c := inverse(v.a), inverse(v.b), inverse(v.c)
	first = first[:slotCount]
	weight, rank, vc, k := v.weight, v.rank, v.c, v.k // out of memory that first might overlap
	for j := range visits {
		x := (j - k) * c % slotCount
		arrival := bits.RotateLeft32(x*vc+k, 32-slotBits)
		x = (x ^ x>>fold) * b % slotCount
		slot := (x ^ x>>fold) * a % slotCount
		first[slot] = max(first[slot], bid(weight/exposure(arrival), rank))
	}
}

// inverse returns the x with a·x = 1 modulo 2³². Newton's step doubles the number of right bits; a itself has three.
func inverse(a uint32) uint32 {
	x := a
	for range 4 {
		x *= 2 - a*x
	}
	return x
}

// exposure is -ln(1-x) for x = (arrival+½)/arrivalSteps, in units of 1/arrivalSteps: the time at which a visitor of
// weight 1 comes. It is three times as fast as math.Log and, unlike that, the same to the last bit on all processors:
// the conversions to float64 keep the compiler from fusing products and sums.
func exposure(arrival uint32) float64 {
	rest := 1<<33 - 1 - 2*uint64(arrival) // (1-x)·2³³: odd, so never 0
	zeros := bits.LeadingZeros64(rest)
	below := -(rest << zeros) // how far the mantissa is below the next power of two, 2⁶⁴
	s := &segments[below>>55]
	d := float64(int64(below % (1 << 55)))
	return float64(float64(zeros-31)*(math.Ln2*arrivalSteps)) + s.log + float64(d*(s.slope+float64(d*s.bend)))
}

// segments has -ln(r) and its Taylor terms for r = 1, 511/512 ... 256/512. Two terms are right to two parts in a
// million. Rounding the logarithm to whole units hides the last bit of math.Log, which differs between processors.
var segments = func() (t [257]struct{ log, slope, bend float64 }) {
	for i := range t {
		r := 1 - float64(i)/512
		t[i].log = math.Round(-math.Log(r) * arrivalSteps)
		t[i].slope = 0x1p-32 / r
		t[i].bend = 0x1p-97 / (r * r)
	}
	return t
}()
