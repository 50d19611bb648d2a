package load

import (
	"math"
	"os"
	"strconv"
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
	minDeviation = .5

	// drift, alarm and maxStep are those of the cumulative sums of a change, in standard
	// deviations of the logarithm (Page, 1954). Between two false alarms are about exp(2*drift*alarm)
	// = 160,000 answers. One answer counts maxStep at most, so that it takes three for an alarm.
)

var driftDown, alarmDown = envf("DRIFTD", .5), envf("ALARMD", 8)
var drift, alarm = envf("DRIFT", .75), envf("ALARM", 12)

func envf(n string, d float64) float64 {
	if f, err := strconv.ParseFloat(os.Getenv(n), 64); err == nil {
		return f
	}
	return d
}

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
	latency   float64 // the mean over the last answers, in seconds
	interval  float64 // the mean time between the last answers, in seconds
	at        Instant // the last one

	since Instant // the start of the time that the mean is about

	slower, faster change
}

// change is a cumulative sum of evidence, and the answers since it was 0.
type change struct {
	evidence float64
	answers  float64
	sum      float64
	since    Instant // when the first of them was sent
}

// add counts evidence in standard deviations, and reports whether it is an alarm.
func (c *change) add(sent Instant, evidence, logarithm, alarm float64) bool {
	c.evidence += evidence
	if c.evidence <= 0 {
		*c = change{}
		return false
	}
	if c.answers == 0 {
		c.since = sent
	}
	c.answers++
	c.sum += logarithm
	return c.evidence > alarm
}

// observe adds an answer of a route.
func (s *speed) observe(sent, now Instant, latency float64, r *Route, decay time.Duration) {
	n := r.answers.get()
	trust := n / (n + routeTrust)
	relative, logarithm := 1., 0.
	if n > 0 {
		relative = 1 + (latency/r.usual.get()-1)*trust
		logarithm = (math.Log(latency) - r.logMean.get()) * trust
	}
	if s.answers == 0 {
		s.mean, s.since = 1, sent-Instant(decay)
	}
	s.answers++
	s.weight++
	s.latency += (latency - s.latency) * max(1/s.answers, .1)
	if s.answers > 1 {
		s.interval += (now.Sub(s.at).Seconds() - s.interval) * max(1/(s.answers-1), .1)
	}
	part := max(1/s.weight, 1-decayFactor(now.Sub(s.at), decay))
	s.at = now
	own := relative / s.mean // relative to itself
	difference := logarithm - s.level
	clipped := min(own, clip)
	s.variation += ((clipped-1)*(clipped-1) - s.variation) * max(part, 1/s.answers)
	s.squares = s.squares*(1-part)*(1-part) + part*part
	s.mean *= 1 + (clipped-1)*part
	s.level += difference * part
	if s.slower.add(sent, nats(own > clip, share(r.long.get(), n)), difference, alarm) {
		s.restart(&s.slower)
	} else if s.faster.add(sent, nats(own*clip < 1, share(r.short.get(), n)), difference, alarmDown) {
		s.restart(&s.faster)
	}
}

func share(x, n float64) float64 { return (n*x + unknownFailures) / (n + unknownResults) }

func nats(unusual bool, share float64) float64 {
	if unusual {
		return failureNats(share)
	}
	return answerNats(share)
}

// restart starts the mean again at what it has been since a change.
func (s *speed) restart(c *change) {
	old := s.mean
	if os.Getenv("DBG") != "" {
		println(int(s.at/1e6), "restart", c == &s.slower, "mean*100", int(s.mean*100), "to*100", int(100*math.Exp(s.level+c.sum/c.answers)), "answers", int(c.answers))
	}
	s.level += c.sum / c.answers
	s.mean = math.Exp(s.level)
	if c == &s.faster && os.Getenv("FLOOR") != "0" {
		s.mean = max(s.mean, min(1, old))
		s.level = math.Log(s.mean)
	}
	s.weight, s.squares, s.since = c.answers, 1/c.answers, c.since
	s.slower, s.faster = change{}, change{}
}

// certainty is 1 if the estimate is certain, less if it is old or based on few answers, 0 if there
// were none lately.
func (s *speed) certainty(now Instant, decay time.Duration) float64 {
	if s.answers == 0 {
		return 0
	}
	return s.answers / (s.answers + halfTrustAnswers) * decayFactor(now.Sub(s.at), s.memory(decay))
}

func (s *speed) memory(decay time.Duration) time.Duration {
	if s.mean < 1.2 {
		return decay
	}
	return min(decay, s.at.Sub(s.since), time.Duration(memK*max(s.latency, s.interval)*1e9))
}

var memK = envf("MEMK", 10)

// chance returns the variance of the mean by chance, if that of one answer is the square of the mean.
func (s *speed) chance() float64 { return s.mean * s.mean * s.squares }

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
