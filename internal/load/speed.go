package load

import (
	"math"
	"time"
)

const (
	// halfTrustAnswers is the number of answers after which an estimate is trusted half. It is
	// large, because the first answers to several requests that begin at once are the fastest ones.
	halfTrustAnswers = 20

	// routeTrust is the number of answers of a route after which a comparison with it counts half.
	routeTrust = 4

	// outlying is the number of standard deviations by which an answer may differ. One that took
	// longer counts as that: the time of one answer has no bound, and a mean would follow it.
	outlying = 9

	// minDeviation is the least deviation of the logarithm that a change is compared with. An
	// endpoint that takes 10 % longer than always has not changed, even if its times never vary.
	minDeviation = .7

	// drift, alarm and maxStep are those of the cumulative sums of a change, in standard
	// deviations of the logarithm (Page, 1954). Between two false alarms are about exp(2*drift*alarm)
	// = 160,000 answers. One answer counts maxStep at most, so that it takes three for an alarm.
	drift, alarm, maxStep = .75, 8, 4
)

// speed is how long an endpoint takes, relative to what is usual for the routes of its answers: 1
// is as long as all endpoints of the pool on average.
//
// It is a mean over the decay time, which is calm as long as nothing changes. Two cumulative sums
// detect a change within a few answers, and then the mean starts again at what it has been since
// then. A peak EWMA (Finagle, 2015) detects a change as early, but keeps the effect of every single
// slow answer: with it, a policy picks among equal endpoints by noise, and finds out about a
// recovery only after the decay.
type speed struct {
	mean      float64 // the mean of the relative times
	level     float64 // the mean of their logarithms
	variation float64 // how much the routes of the answers vary
	squares   float64 // the sum of the squares of the weights in mean: 1/n for n equal ones
	weight    float64 // the number of answers that the mean stands for
	answers   float64 // all answers so far
	at        Instant // the last one

	slower, faster change
}

// change is a cumulative sum of evidence, and the answers since it was 0.
type change struct {
	evidence float64
	answers  float64
	sum      float64
}

// add counts evidence in standard deviations, and reports whether it is an alarm.
func (c *change) add(deviations, logarithm float64) bool {
	c.evidence += min(deviations, maxStep) - drift
	if c.evidence <= 0 {
		*c = change{}
		return false
	}
	c.answers++
	c.sum += logarithm
	return c.evidence > alarm
}

// observe adds an answer of a route.
func (s *speed) observe(now Instant, latency float64, r *Route, decay time.Duration) {
	n := r.answers.get()
	trust := n / (n + routeTrust)
	if s.answers == 0 {
		s.mean = 1
	}
	variation := r.variation()
	relative := 1.
	logarithm := 0.
	if n > 0 {
		relative = latency / r.mean.get()
		logarithm = math.Log(latency) - r.logMean.get()
	}
	relative = min(relative, s.mean*(1+outlying*math.Sqrt(max(variation, 1))))
	relative = 1 + (relative-1)*trust
	logarithm *= trust
	s.answers++
	s.weight++
	part := max(1/s.weight, 1-decayFactor(now.Sub(s.at), decay))
	difference := logarithm - s.level
	deviations := difference / max(r.deviation(), minDeviation)
	s.mean += (relative - s.mean) * part
	s.level += difference * part
	s.variation += (variation - s.variation) * max(part, 1/s.answers)
	s.squares = s.squares*(1-part)*(1-part) + part*part
	s.at = now
	if s.slower.add(deviations, difference) {
		s.restart(&s.slower)
	} else if s.faster.add(-deviations, difference) {
		s.restart(&s.faster)
	}
}

// restart starts the mean again at what it has been since a change.
func (s *speed) restart(c *change) {
	s.level += c.sum / c.answers
	s.mean = math.Exp(s.level)
	s.weight, s.squares = c.answers, 1/c.answers
	s.slower, s.faster = change{}, change{}
}

// certainty is 1 if the estimate is certain, less if it is old or based on few answers, 0 if there
// were none lately.
func (s *speed) certainty(now Instant, decay time.Duration) float64 {
	if s.answers == 0 {
		return 0
	}
	return s.answers / (s.answers + halfTrustAnswers) * decayFactor(now.Sub(s.at), decay)
}

// standardError returns how far the mean may be off by chance.
func (s *speed) standardError() float64 { return s.mean * math.Sqrt(s.squares*s.variation) }

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
