package load

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// recentShare is the weight of one answer in the recent mean, which therefore spans about the
	// last 2/0.1 - 1 = 19 answers.
	recentShare = 0.1

	// slowdown and speedup are the factors between the recent mean and the long one from which on
	// the endpoint has changed. By Chernoff's bound the mean of 19 exponential times exceeds 2.5
	// times its expectation once in 60,000, and falls below a third of it once in 3,700. A step
	// from 170 ms to 2 s is detected at the second slow answer; the way back takes 12.
	slowdown, speedup = 2.5, 3.0

	// restartWeight is the number of answers that the long mean stands for after a change.
	restartWeight = 10

	// halfTrustAnswers is the number of answers after which an estimate is trusted half. It is
	// large, because the first answers to several requests that begin at once are the fastest ones.
	halfTrustAnswers = 20
)

// estimate is the expected time to the first byte of an answer.
//
// It is a mean over the decay time, which is calm as long as nothing changes. Beside it is a mean
// over the last answers, which replaces it when the two differ too much. A peak EWMA (Finagle,
// 2015) detects a change as early, but keeps the effect of every single slow answer: with it, a
// policy picks among equal endpoints by noise, and finds out about a recovery only after the decay.
type estimate struct {
	// These two are read without a lock. One may be newer than the other for a moment, which does
	// no harm because both stay valid.
	value atomic.Uint64 // the mean in seconds and the trust in it, float32 each; 0 if unknown
	at    atomic.Int64  // the Instant of the last answer

	mu      sync.Mutex // orders the writers of this endpoint
	recent  float64    // the mean over the last answers
	weight  float64    // the number of answers that the mean stands for since it last restarted
	answers float64    // all answers so far
}

// observe adds the latency of one answer, in seconds.
func (e *estimate) observe(now Instant, sample float64, decay time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	mean, _ := e.load()
	elapsed := now.Sub(Instant(e.at.Load()))
	e.answers++
	e.weight++
	e.recent += (sample - e.recent) * max(recentShare, 1/e.answers)
	mean += (sample - mean) * max(1/e.weight, 1-decayFactor(elapsed, decay))
	if e.recent > mean*slowdown || e.recent < mean/speedup {
		mean, e.weight = e.recent, restartWeight
	}
	e.store(mean, e.answers/(e.answers+halfTrustAnswers))
	e.at.Store(int64(now))
}

// latency returns the mean in seconds and its certainty from 0 to 1, which is lower the fewer
// answers there were and the older the last one is.
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
