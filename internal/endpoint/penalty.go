package endpoint

import (
	"math"
	"sync/atomic"
	"time"
)

// penalty is what recent failures add to the time that an endpoint is expected to take,
// in seconds; it fades. It is one word, so that it needs no lock: a float32 above a stamp of 32 bits in
// units of 2^20 ns (1 ms). The stamp wraps after 52 days; what was not touched for 26 looks
// fresh again, until the next answer.
type penalty struct{ word atomic.Uint64 }

const (
	stampBits = 20

	// Failures add up, so that an endpoint which fails each time it is looked at is looked
	// at ever less often; up to this many, so that it does not take long to be forgiven.
	worstFailures = 4
)

func (p *penalty) at(now Instant, decay time.Duration) float64 {
	word := p.word.Load()
	if word == 0 {
		return 0
	}
	elapsed := time.Duration(int32(uint32(now>>stampBits)-uint32(word))) << stampBits
	return float64(math.Float32frombits(uint32(word>>32))) * fading(elapsed, decay)
}

// add counts a failure.
func (p *penalty) add(now Instant, seconds float64, decay time.Duration) {
	p.update(now, decay, func(left float64) float64 { return min(left+seconds, worstFailures*seconds) })
}

// raise makes it at least this much.
func (p *penalty) raise(now Instant, seconds float64, decay time.Duration) {
	p.update(now, decay, func(left float64) float64 { return max(left, seconds) })
}

// forgive halves it: an answer that is no failure is better news than time that passed.
func (p *penalty) forgive(now Instant, decay time.Duration) {
	if p.word.Load() != 0 {
		p.update(now, decay, func(left float64) float64 { return left / 2 })
	}
}

// negligible is a microsecond; below it the penalty is dropped.
const negligible = 1e-6

func (p *penalty) update(now Instant, decay time.Duration, change func(left float64) float64) {
	for {
		old := p.word.Load()
		word := uint64(0)
		if seconds := change(p.at(now, decay)); seconds > negligible {
			word = uint64(math.Float32bits(float32(seconds)))<<32 | uint64(uint32(now>>stampBits))
		}
		if p.word.CompareAndSwap(old, word) {
			return
		}
	}
}
