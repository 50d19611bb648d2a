package load

import "sync/atomic"

// waiting holds the number of waiting requests and the sum of their starts. Both are in one word,
// so that they are read and written together: 44 bits of sum above 20 bits of count. The sum is in
// units of 2^14 ns (16 µs) and wraps. n*now - sum is the total age modulo 2^44 nevertheless, which
// is correct as long as all waiting requests together have waited less than 4.5 years. A mutex
// would cost every pick a lock for each endpoint that it compares.
type waiting struct{ word atomic.Uint64 }

const (
	countBits = 20
	countMask = 1<<countBits - 1
	tickBits  = 14
)

func (w *waiting) add(start Instant)    { w.word.Add(stamped(start)) }
func (w *waiting) remove(start Instant) { w.word.Add(-stamped(start)) }

// stamped returns one request with this start as a word.
func stamped(start Instant) uint64 { return uint64(start)>>tickBits<<countBits | 1 }

func (w *waiting) at(now Instant) (n int, age float64) {
	word := w.word.Load()
	count := word & countMask
	if count == 0 {
		return 0, 0
	}
	total := int64(count*(uint64(now)>>tickBits)<<countBits-word&^countMask) >> countBits
	// A start may be later than now, because another goroutine read the clock later.
	return int(count), float64(max(total, 0)) * (1 << tickBits / 1e9) / float64(count)
}
