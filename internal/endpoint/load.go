package endpoint

import (
	"math"
	"sync/atomic"
	"time"
)

// Load is how fast an endpoint answers. All of it is written by attempts and read
// by policies, without locks; reading changes nothing.
type Load struct {
	waiting waiting
	latency decaying
	penalty decaying
}

// Begin notes that a request was sent and waits for its first byte.
func (l *Load) Begin(start Instant) { l.waiting.add(start) }

// End takes back what Begin noted.
func (l *Load) End(start Instant) { l.waiting.remove(start) }

// Shift moves the start of a waiting request, for time that was not the endpoint's.
func (l *Load) Shift(from, to Instant) {
	l.waiting.remove(from)
	l.waiting.add(to)
}

// Waiting is the number of requests that wait for their first byte, and their mean age.
func (l *Load) Waiting(now Instant) (n int, age time.Duration) { return l.waiting.at(now) }

// Observe records the time to first byte of an attempt that worked. A longer one
// than expected is believed at once, a shorter one only in the proportion of the
// time since the last (peak EWMA, Finagle 2015): that something got slow matters
// to the next request, that something got fast can wait until it is confirmed.
func (l *Load) Observe(now Instant, latency, decay time.Duration) {
	l.latency.blend(now, latency.Seconds(), decay)
}

// AtLeast records that an attempt took this long without saying how long an answer
// takes: it can raise the estimate but not lower it. Without an estimate it counts as a
// penalty, since a short one would make the endpoint look fast.
func (l *Load) AtLeast(now Instant, latency, decay time.Duration) {
	switch estimate, fresh := l.Latency(now, decay); {
	case fresh == 0:
		l.penalty.raise(now, latency.Seconds(), decay)
	case latency.Seconds() > estimate*fresh:
		l.latency.blend(now, latency.Seconds(), decay)
	}
}

// Penalize records a failed attempt.
func (l *Load) Penalize(now Instant, penalty, decay time.Duration) {
	l.penalty.raise(now, penalty.Seconds(), decay)
}

// Latency is the time to first byte as it was last estimated, in seconds, and how much
// of that still counts: 1 if it was just observed, less as time passes, 0 if never.
func (l *Load) Latency(now Instant, decay time.Duration) (seconds, fresh float64) {
	w := l.latency.word.Load()
	if w == 0 {
		return 0, 0
	}
	// Never quite 0, so that an old estimate is still better than none.
	return unpacked(w), max(math.Exp(-age(w, now)/decay.Seconds()), math.SmallestNonzeroFloat32)
}

// Penalty is what recent failures add to the expected latency, in seconds.
func (l *Load) Penalty(now Instant, decay time.Duration) float64 { return l.penalty.at(now, decay) }

// waiting keeps a count and a sum of starts in one word, so that both are read and
// written at once: 44 bits of sum above 20 bits of count. The sum is in units of
// 2^14 ns (16 µs) and wraps; n*now - sum still is the total age modulo 2^44, right
// as long as all waiting requests together have waited less than 4.5 years.
// A mutex would cost every pick a lock per endpoint it looks at.
type waiting struct{ word atomic.Uint64 }

const (
	countBits = 20
	countMask = 1<<countBits - 1
	tickBits  = 14
)

func (w *waiting) add(start Instant)    { w.word.Add(stamped(start)) }
func (w *waiting) remove(start Instant) { w.word.Add(-stamped(start)) }

func stamped(start Instant) uint64 { return uint64(start)>>tickBits<<countBits | 1 }

func (w *waiting) at(now Instant) (n int, age time.Duration) {
	word := w.word.Load()
	count := word & countMask
	if count == 0 {
		return 0, 0
	}
	total := int64(count*(uint64(now)>>tickBits)<<countBits-word&^countMask) >> countBits
	// A start may lie just after now: another goroutine read the clock later.
	return int(count), time.Duration(max(total, 0)/int64(count)) << tickBits
}

// decaying is a value that fades exponentially, in one word: a float32 above a
// stamp of 32 bits in units of 2^20 ns (1 ms). The stamp wraps after 52 days; a
// value not touched for 26 looks fresh again, and is corrected by the next sample.
// A word of 0 has never been written.
type decaying struct{ word atomic.Uint64 }

const stampBits = 20

func (d *decaying) at(now Instant, decay time.Duration) float64 {
	return faded(d.word.Load(), now, decay)
}

// blend replaces the value by a larger sample, and moves it towards a smaller one.
func (d *decaying) blend(now Instant, sample float64, decay time.Duration) {
	for {
		old := d.word.Load()
		blended := sample
		if kept := unpacked(old); kept > sample {
			blended += (kept - sample) * math.Exp(-age(old, now)/decay.Seconds())
		}
		if d.word.CompareAndSwap(old, packed(blended, now)) {
			return
		}
	}
}

// raise is blend for samples that count only if they are larger than what is left.
func (d *decaying) raise(now Instant, sample float64, decay time.Duration) {
	if sample > d.at(now, decay) {
		d.blend(now, sample, decay)
	}
}

func packed(value float64, now Instant) uint64 {
	bits := max(math.Float32bits(float32(value)), 1) // never 0, which means unknown
	return uint64(bits)<<32 | uint64(uint32(now>>stampBits))
}

func unpacked(word uint64) float64 { return float64(math.Float32frombits(uint32(word >> 32))) }

func faded(word uint64, now Instant, decay time.Duration) float64 {
	if word == 0 {
		return 0
	}
	return unpacked(word) * math.Exp(-age(word, now)/decay.Seconds())
}

// age is how many seconds ago the word was written, at least 0.
func age(word uint64, now Instant) float64 {
	elapsed := int32(uint32(now>>stampBits) - uint32(word))
	return float64(max(elapsed, 0)) * (1 << stampBits) / 1e9
}
