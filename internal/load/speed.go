package load

import (
	"math"
	"time"
)

const (
	// halfTrustAnswers is the number of answers after which an estimate is trusted half. It is
	// large, because the first answers to several requests that begin at once are the fastest ones.
	halfTrustAnswers = 20

	// halfTrustRoute is the number of answers of a route after which a comparison with it is
	// trusted half. The first answer of a route counts as usual.
	halfTrustRoute = 4

	// recentPart is the weight of one answer in the means of the last answers, which are about 19.
	recentPart = .1

	// queues is for how many times as long as a queue lasts an endpoint must be slow to count as
	// slower. Until then a queue is the likely reason, which the requests in flight show already.
	// With 4, three endpoints of two workers at a load of 0.75 are avoided for queues that are
	// over, and the mean time is 5 % longer. With 12 it is not, and a machine that is four times
	// slower is found as soon: the requests in flight and the mean over the decay time tell it too.
	queues = 12

	// sameQueue is the part of the evidence of a recovery that an answer adds whose request was
	// sent before the one that counted last was answered. Both met the same queue, or none.
	sameQueue = .25

	// slowFrom is how slow an endpoint must be to recover, and for less of it to be remembered.
	slowFrom = 1.2

	// rememberedFor is how many times the latency of its last answers, or the time between them, an
	// endpoint is remembered as slow. See remembered.
	rememberedFor = 10
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
	mean      float64 // the mean of the relative times, where a long one counts as clip times the mean
	logarithm float64 // the mean of their logarithms
	weight    float64 // the number of answers that the means stand for
	since     Instant // when the first of them was sent

	answers  float64       // all answers so far
	at       Instant       // when the last one came
	latency  float64       // the mean latency of the last ones, in seconds
	interval float64       // the mean time between them, in seconds
	memory   time.Duration // the decay time while no answers come

	slower, faster change
	fastAt         Instant // when the last answer came that was evidence of a faster endpoint
}

// observe adds an answer to a request of a route that was sent at an instant. queue is how long a
// queue lasts that formed by chance, in seconds.
func (s *speed) observe(sent, now Instant, latency float64, r *Route, queue float64, decay time.Duration) {
	known := 0.
	if r.known() {
		known = r.answers.get()
	}
	relative, logarithm := r.compare(latency, known)
	s.count(sent, now, latency, decay)
	part := max(1/s.weight, min(minPart, 1-decayFactor(now.Sub(s.at), decay)))
	s.at = now
	own := relative / s.mean // relative to the endpoint itself
	difference := logarithm - s.logarithm
	s.mean *= 1 + (min(own, clip)-1)*part
	s.logarithm += difference * part
	slower := s.slower.evidence(own > clip, &r.long, known)
	faster := s.faster.evidence(own*clip < 1, &r.short, known)
	if faster > 0 && sent < s.fastAt {
		faster *= sameQueue
	} else if faster > 0 {
		s.fastAt = now
	}
	if s.slower.add(sent, slower, difference) >= slowerAlarm && now.Sub(s.slower.since).Seconds() > queues*queue {
		s.restart(&s.slower, 0)
	} else if s.faster.add(sent, faster, difference) > fasterAlarm && s.mean > slowFrom {
		s.restart(&s.faster, min(1, s.mean))
	}
	s.memory = s.remembered(decay)
}

// compare returns a latency relative to what is usual for the route, and the logarithm of that
// relative to the mean one.
func (r *Route) compare(latency, known float64) (relative, logarithm float64) {
	if known == 0 {
		return 1, 0
	}
	trust := known / (known + halfTrustRoute)
	return 1 + (latency/r.usual.get()-1)*trust, (math.Log(latency) - r.logarithm.get()) * trust
}

// count adds an answer to what is counted of all of them.
func (s *speed) count(sent, now Instant, latency float64, decay time.Duration) {
	if s.answers == 0 {
		s.mean, s.since = 1, sent-Instant(decay)
	} else {
		s.interval += (now.Sub(s.at).Seconds() - s.interval) * max(1/s.answers, recentPart)
	}
	s.answers++
	s.weight++
	s.latency += (latency - s.latency) * max(1/s.answers, recentPart)
}

// restart starts the means again at what they have been since a change, and at floor at least. An
// endpoint that recovers starts at the usual: its first answers are the fastest ones, and by
// them it would get more than it can do.
func (s *speed) restart(c *change, floor float64) {
	s.mean = max(math.Exp(s.logarithm+c.sum/c.answers), floor)
	s.logarithm = math.Log(s.mean)
	s.weight, s.since = c.answers, c.since
	s.slower, s.faster = change{}, change{}
}

// remembered returns the decay time of an endpoint that gets no answers. That an endpoint is slow
// is believed for as long again as it has been so: a queue that formed by chance is gone soon, and
// nothing else would find out. For the same reason the memory is a few times what a request takes
// that tries it again, or what it waits for its turn, so that such requests are few.
func (s *speed) remembered(decay time.Duration) time.Duration {
	if s.mean < slowFrom {
		return decay
	}
	few := time.Duration(rememberedFor * max(s.latency, s.interval) * float64(time.Second))
	return min(decay, s.at.Sub(s.since), few)
}
