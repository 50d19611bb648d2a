package load

import (
	"sync/atomic"
	"time"
)

// Load is how fast an endpoint answers. Attempts write it and policies read it; reading
// takes no lock and changes nothing.
type Load struct {
	waiting  waiting
	estimate estimate
	failures failures
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

// Observe records the time to first byte of an attempt that worked.
func (l *Load) Observe(now Instant, latency, decay time.Duration) {
	l.estimate.observe(now, latency.Seconds(), decay)
	l.failures.forgive(now, decay)
}

// AtLeast records that an attempt took this long without saying how long an answer
// takes: it can raise the estimate but not lower it. It reports false if there is no
// estimate, as a short one would make the endpoint look fast.
func (l *Load) AtLeast(now Instant, latency, decay time.Duration) bool {
	seconds, certainty := l.estimate.latency(now, decay)
	if certainty == 0 {
		return false
	}
	if latency.Seconds() > seconds {
		l.estimate.observe(now, latency.Seconds(), decay)
	}
	return true
}

// Fail records a failed attempt, or something that counts as part of one.
func (l *Load) Fail(now Instant, part float64, decay time.Duration) {
	l.failures.add(now, part, decay)
}

// Latency is the expected time to first byte in seconds, and how much of it counts: 1 if
// it is certain, less if it is old or rests on few answers, 0 if there were none lately.
func (l *Load) Latency(now Instant, decay time.Duration) (seconds, certainty float64) {
	return l.estimate.latency(now, decay)
}

// Failures is the number of recent failures, each counted for as long as it is not forgotten.
func (l *Load) Failures(now Instant, decay time.Duration) float64 { return l.failures.at(now, decay) }

// Waiting is the number of requests that wait for their first byte, and their mean age in seconds.
func (l *Load) Waiting(now Instant) (n int, age float64) { return l.waiting.at(now) }

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

func (w *waiting) at(now Instant) (n int, age float64) {
	word := w.word.Load()
	count := word & countMask
	if count == 0 {
		return 0, 0
	}
	total := int64(count*(uint64(now)>>tickBits)<<countBits-word&^countMask) >> countBits
	// A start may lie just after now: another goroutine read the clock later.
	return int(count), float64(max(total, 0)) * (1 << tickBits / 1e9) / float64(count)
}
