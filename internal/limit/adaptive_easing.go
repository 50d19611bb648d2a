package limit

import (
	"math"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// easing is a time in which an endpoint gets fewer requests, to find out why its answers take long.
// If that makes them faster, they have waited in a queue. If not, the endpoint itself takes as long
// now, and the new time is the usual one. It tells how long answers take without load, too, while
// there is an overload that does not end.
//
// Envoy measures that with three requests in flight. Here it is done with a part of the limit that
// keeps an endpoint nearly as busy as it is without one, so that it costs little.
type easing struct {
	on     bool
	limit  float64
	before float64 // the gradient before
	began  load.Instant
	until  load.Instant
	wanted int   // answers
	tally  tally // of requests that were sent in this time
}

const (
	// firstPart is the part of the requests, and laterPart of the limit, that an endpoint gets.
	firstPart = 1. / 3
	laterPart = .4

	// easeAfter is how long no request must have met room, and easeAgain the same after a time
	// which showed something new.
	easeAfter = 10 * time.Second
	easeAgain = time.Second

	// easeUnits is how long it takes at most, see tally.unit, and easeAnswers the most answers.
	easeUnits   = 10
	easeAnswers = 100

	// asSlow is the part of the gradient before from which on answers count as no faster, and
	// slower that from which on they are slower than believed.
	asSlow = .75
	slower = 1.2

	// changed is how much a gradient differs that is something new.
	changed = 1.25
)

// ease begins an easing.
func (a *Adaptive) ease(s *AdaptiveSettings, now load.Instant, limit float64) {
	limit = max(limit, float64(s.Min))
	a.easing = easing{
		on: true, limit: limit, before: a.gradient, began: now,
		until:  now + load.Instant(easeUnits*a.window.unit()*float64(time.Second)),
		wanted: int(min(max(4*limit, windowAnswers), easeAnswers)),
	}
}

func (e *easing) add(latency, usual float64, answer *Answer) {
	if e.on && answer.Sent >= e.began && float64(answer.Crowd) <= math.Ceil(e.limit) {
		e.tally.add(answer.Sent, latency, usual, answer, false)
	}
}

func (e *easing) isOver(now load.Instant) bool { return e.tally.answers >= e.wanted || now > e.until }

// endEasing goes by the answers of an easing.
func (a *Adaptive) endEasing(s *AdaptiveSettings, now load.Instant) {
	e := a.easing
	a.easing, a.evidence, a.restedAt, a.usedAt, a.easeAfter = easing{}, 0, now, now, easeAgain
	if e.tally.answers < windowAnswers/2 { // it does not answer at all
		a.limit = max(a.limit, a.target(s))
		return
	}
	gradient := e.tally.gradient()
	switch {
	case gradient > slower && gradient > asSlow*e.before:
		a.believe(gradient, &e.tally)
		if a.limit > 0 {
			a.limit = max(a.limit, a.target(s))
		}
	case a.limit == 0:
		a.limit = a.target(s)
	default:
		a.believe(min(max(gradient, .5), changed), &e.tally)
		if 1/changed < gradient && gradient < changed {
			a.easeAfter = easeAfter
		}
	}
}

// believe makes what answers took in an easing the usual.
func (a *Adaptive) believe(gradient float64, t *tally) {
	before := a.pace.factor()
	a.pace.correct(gradient, t.usual/float64(t.answers)/before)
	a.served *= a.pace.factor() / before
}
