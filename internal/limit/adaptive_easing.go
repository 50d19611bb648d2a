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
	before float64 // the gradient of the queue before
	began  load.Instant
	counts load.Instant // from when on answers count
	least  load.Instant // the end, at the earliest
	until  load.Instant // the end, at the latest
	wanted int          // answers
	tally  tally        // of requests that were sent in this time
}

const (
	// firstPart is the part of the requests, and laterPart of the limit, that an endpoint gets.
	firstPart = 1. / 3
	laterPart = .4

	// easeAfter is how long no request must have met room, and easeAgain the same after a time
	// which showed something new.
	easeAfter = 10 * time.Second
	easeAgain = time.Second

	// easeEvery is the least time between two of them, because an easing takes long where requests
	// do, and easeUnits how long it takes at most, see tally.unit. easeAnswers is the most answers
	// that it waits for.
	easeEvery   = 5
	easeUnits   = 10
	easeAnswers = 100

	// countFrom and countUntil are when answers count, in times of long requests. The first answers
	// are those to short requests, and would look as if the endpoint had become faster.
	countFrom, countUntil = 2, 5

	// longestCount bounds the gradient by which long requests may take longer.
	longestCount = 5

	// asSlow is the part of the gradient before from which on answers count as no faster, and
	// slower that from which on they are slower than believed.
	asSlow = .75
	slower = 1.2

	// changed is how much a gradient differs that is something new.
	changed = 1.25
)

// ease begins an easing.
func (a *Adaptive) ease(s *AdaptiveSettings, now load.Instant, limit float64) {
	limit, before := max(limit, float64(s.Min)), a.queue.gradient()
	long := a.window.longMean() * min(max(1, before), longestCount)
	a.easing = easing{
		on: true, limit: limit, before: before, began: now,
		counts: now + inSeconds(countFrom*long),
		least:  now + inSeconds(countUntil*long),
		until:  now + inSeconds(easeUnits*a.window.unit()),
		wanted: int(min(max(4*limit, windowAnswers), easeAnswers)),
	}
}

func inSeconds(s float64) load.Instant { return load.Instant(s * float64(time.Second)) }

// isEasingDue reports whether hardly any request has met room for so long that it must be found out
// what answers take without load.
func (a *Adaptive) isEasingDue(now load.Instant) bool {
	return now-a.restedAt > max(load.Instant(a.easeAfter), inSeconds(easeEvery*a.window.unit()))
}

func (e *easing) add(now load.Instant, latency, usual float64, answer *Answer) {
	if e.on && now >= e.counts && answer.Sent >= e.began && float64(answer.Crowd) <= math.Ceil(e.limit) {
		e.tally.add(answer.Sent, latency, usual, answer, false)
	}
}

func (e *easing) isOver(now load.Instant) bool {
	return now > e.least && e.tally.answers >= e.wanted || now > e.until
}

// endEasing goes by the answers of an easing.
func (a *Adaptive) endEasing(s *AdaptiveSettings, now load.Instant) {
	e := a.easing
	a.easing, a.evidence, a.usedAt, a.easeAfter = easing{}, 0, now, easeAgain
	a.rest(now)
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
