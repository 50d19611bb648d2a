package load

import (
	"math"
	"sync/atomic"
	"time"
)

// failures counts recent failures in a leaky bucket: one failure leaks out in each decay time. An
// exponential decay would never reach 0, and beside endpoints that answer in a millisecond it takes
// long until a penalty of seconds is negligible.
//
// It is one word, so that it needs no lock: a float32 above a stamp of 32 bits in units of 2^20 ns
// (1 ms). The stamp wraps after 52 days. A count without a change for 26 days looks fresh again
// until the next answer.
type failures struct{ word atomic.Uint64 }

const (
	stampBits = 20

	// maxFailures bounds the count. Failures add up, so that an endpoint that fails at every try is
	// tried less and less often. Without a bound its recovery would take too long to be noticed.
	maxFailures = 4
)

// at returns the number of failures that are left at an instant.
func (f *failures) at(now Instant, decay time.Duration) float64 {
	word := f.word.Load()
	if word == 0 {
		return 0
	}
	elapsed := time.Duration(int32(uint32(now>>stampBits)-uint32(word))) << stampBits
	left := float64(math.Float32frombits(uint32(word>>32))) - float64(max(elapsed, 0))/float64(decay)
	return max(left, 0)
}

// add counts n more failures, which may be a fraction.
func (f *failures) add(now Instant, n float64, decay time.Duration) {
	f.update(now, decay, func(left float64) float64 { return min(left+n, maxFailures) })
}

// halve records a success, which says more about a recovery than time that passed.
func (f *failures) halve(now Instant, decay time.Duration) {
	if f.word.Load() != 0 {
		f.update(now, decay, func(left float64) float64 { return left / 2 })
	}
}

// negligible is the count below which failures are dropped.
const negligible = 1. / 64

func (f *failures) update(now Instant, decay time.Duration, change func(left float64) float64) {
	for {
		old := f.word.Load()
		word := uint64(0)
		if n := change(f.at(now, decay)); n > negligible {
			word = uint64(math.Float32bits(float32(n)))<<32 | uint64(uint32(now>>stampBits))
		}
		if f.word.CompareAndSwap(old, word) {
			return
		}
	}
}
