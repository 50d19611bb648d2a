package load

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// recentShare is what one answer counts in the recent mean: that spans about the last
	// 2/0.1 - 1 = 19 answers.
	recentShare = 0.1

	// slower and faster are how far the recent mean must be from the long one to call it a
	// change. By Chernoff's bound the mean of 19 exponential times is beyond 2.5 times its
	// expectation once in 60,000, and below a third of it once in 3,700. A step from 170 ms
	// to 2 s is seen at the second slow answer; the way back takes 12.
	slower, faster = 2.5, 3.0

	// settled is how many answers the long mean is worth after a change.
	restartWeight = 10

	// doubt is how many answers it takes to believe an estimate half. They must be many:
	// the first answers of an endpoint that got several requests at once are its fastest.
	halfTrustAnswers = 20
)

// estimate is how long an endpoint takes to the first byte of an answer.
//
// It is a mean over the decay time, so that it is calm as long as nothing changes, beside
// a mean over the last answers, which replaces it when the two part. A peak EWMA
// (Finagle, 2015) sees a change as soon, but holds on to any single slow answer: among
// equal endpoints it picks by noise, and one that recovers waits for the decay.
type estimate struct {
	// Read without a lock. The one may be newer than the other for a moment, and both
	// still be true.
	value atomic.Uint64 // mean in seconds and trust in it, float32 each; 0 if unknown
	at    atomic.Int64  // when it was last confirmed

	mu      sync.Mutex // orders writers; the endpoint's own
	recent  float64    // mean over the last answers
	weight  float64    // answers that the mean is worth, as far as it began lately
	answers float64
}

func (e *estimate) observe(now Instant, sample float64, decay time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	mean, _ := e.load()
	elapsed := now.Sub(Instant(e.at.Load()))
	e.answers++
	e.weight++
	e.recent += (sample - e.recent) * max(recentShare, 1/e.answers)
	mean += (sample - mean) * max(1/e.weight, 1-decayFactor(elapsed, decay))
	if e.recent > mean*slower || e.recent < mean/faster {
		mean, e.weight = e.recent, restartWeight
	}
	e.store(mean, e.answers/(e.answers+halfTrustAnswers))
	e.at.Store(int64(now))
}

// latency is the mean in seconds and how much of it counts: less the fewer answers it
// rests on and the older it is, 0 if there were none lately.
func (e *estimate) latency(now Instant, decay time.Duration) (seconds, certainty float64) {
	seconds, trust := e.load()
	if trust == 0 {
		return 0, 0
	}
	return seconds, trust * decayFactor(now.Sub(Instant(e.at.Load())), decay)
}

func (e *estimate) load() (mean, trust float64) {
	v := e.value.Load()
	return float64(math.Float32frombits(uint32(v >> 32))), float64(math.Float32frombits(uint32(v)))
}

func (e *estimate) store(mean, trust float64) {
	e.value.Store(uint64(math.Float32bits(float32(mean)))<<32 | uint64(math.Float32bits(float32(trust))))
}

// fading is the part of a value that is left after some time, e^-x. It is worked out for
// each endpoint that a pick looks at, so it stops at the fourth power, which is right to a
// thousandth up to one decay time. After three it is 0: who had no request for that long
// counts as unknown, and is looked at again even if the others have nothing to do.
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
