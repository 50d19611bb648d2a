package load

import (
	"math"
	"sync/atomic"
	"time"
)

// value is a number that is read without a lock. Its writers have one.
type value struct{ bits atomic.Uint32 }

func (v *value) get() float64 { return float64(math.Float32frombits(v.bits.Load())) }

// set changes the number. A store that changes nothing, as of a share that stays 0, is left out: it
// takes the cache line from the processors that read it, and ten times as long as the comparison.
func (v *value) set(x float64) {
	if bits := math.Float32bits(float32(x)); bits != v.bits.Load() {
		v.bits.Store(bits)
	}
}

// move brings a mean closer to a sample.
func (v *value) move(sample, part float64) { v.set(v.get() + (sample-v.get())*part) }

const (
	// maxCount bounds the numbers of results. A share of failures below a thousandth is not told
	// from none.
	maxCount = 1000

	// minPart is the weight of a result in a mean where results are rare, however much time has
	// passed since the last one. A mean over fewer than 64 answers would follow each of them.
	minPart = 1. / 64
)

// count adds one to a number of results and returns the weight of the newest: equal weights at
// first, later those of a mean that forgets within the decay time.
func (v *value) count(elapsed, decay time.Duration) (part float64) {
	n := min(v.get()+1, maxCount)
	v.set(n)
	return max(1/n, min(minPart, 1-decayFactor(elapsed, decay)))
}

// countLast is count where only the last 1/part results matter, however long ago they were.
func (v *value) countLast(part float64) float64 {
	n := min(v.get()+1, maxCount)
	v.set(n)
	return max(1/n, part)
}

// decayFactor returns the part of a value that is left after some time, e^-x with x in decay times.
// A pick computes it for each endpoint, so the series ends at the fourth power, which is exact to a
// thousandth up to x = 1. From x = 3 on it is 0: an endpoint without a request for that long is
// unknown, so that policies try it again even if the others are idle.
func decayFactor(elapsed, decay time.Duration) float64 {
	if elapsed <= 0 {
		return 1
	}
	x := float64(elapsed) / float64(decay)
	if x >= 3 {
		return 0
	}
	return 1 / (1 + x*(1+x*(1./2+x*(1./6+x*(1./24)))))
}
