package load

import (
	"math"
	"sync/atomic"
	"time"
)

// published is what picks read of a load. It is in few words beside one another, because among
// thousands of endpoints each further place in memory, and each lock, costs a pick a tenth of a
// microsecond. Words may be of different moments, which does no harm: each stays valid.
type published struct {
	parked   atomic.Int32
	overdue  atomic.Int32
	idle     atomic.Int32
	relative atomic.Uint64 // the mean relative time and the trust in it, float32 each
	at       atomic.Int64  // the Instant of the last answer
	memory   atomic.Int64  // the decay time while no answers come

	sickUntil    atomic.Int64 // the Instant until which there is an alarm
	partialUntil atomic.Int64 // the Instant until which there is one for a route

	ageStart  atomic.Int64  // the mean start of what waits, an Instant
	ageFactor atomic.Uint64 // what a second counts there, as a float64; 0 if nothing waits

	parksAt atomic.Int64 // the Instant at which the oldest request is to be parked; 0 if there is none
}

// Fetch reads the last of these words, and uses nothing of it.
func (p *published) Fetch() { p.parksAt.Load() }

func (p *published) setSpeed(s *speed) {
	trust := s.answers / (s.answers + halfTrustAnswers)
	p.relative.Store(uint64(math.Float32bits(float32(s.mean)))<<32 | uint64(math.Float32bits(float32(trust))))
	p.memory.Store(int64(s.memory))
	p.at.Store(int64(s.at))
}

// speed returns the relative time and its certainty: 1 if it is certain, less if it is old or based
// on few answers, 0 if there were none lately.
func (p *published) speed(now Instant) (relative, certainty float64) {
	word := p.relative.Load()
	if word == 0 {
		return 1, 0
	}
	relative = float64(math.Float32frombits(uint32(word >> 32)))
	trust := float64(math.Float32frombits(uint32(word)))
	since := now.Sub(Instant(p.at.Load()))
	return relative, trust * decayFactor(since, time.Duration(p.memory.Load()))
}

func (p *published) setAges(a *ages) {
	if a.known == 0 {
		if p.ageFactor.Load() != 0 {
			p.ageFactor.Store(0)
		}
		return
	}
	p.ageStart.Store(int64(a.starts / a.factors * 1e9))
	p.ageFactor.Store(math.Float64bits(a.factors / float64(a.known)))
}

// age returns the mean age of what waits, where 1 is that of a request which takes longer than
// usual.
func (p *published) age(now Instant) float64 {
	factor := math.Float64frombits(p.ageFactor.Load())
	return max(now.Sub(Instant(p.ageStart.Load())).Seconds(), 0) * factor
}

// alarmsUntil returns how many alarms there are if the last one has leaked away at an instant: 0,
// or 1 to maxAlarms.
func alarmsUntil(until, now Instant, decay time.Duration) float64 {
	if until == 0 || now > until {
		return 0
	}
	return 1 + float64(until.Sub(now))/float64(decay)
}
