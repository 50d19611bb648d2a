package limit

import (
	"math"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// tally is what the answers of a time say.
type tally struct {
	began          load.Instant
	answers        int
	rested         int     // answers to requests that met an endpoint with room
	latency, usual float64 // sums, in seconds
	square         float64 // the sum of the squares of the usual times
	crowd          int     // the sum of the crowds
	peak           int     // the largest crowd
	timedOut       bool
}

func (w *tally) add(now load.Instant, latency, usual float64, answer *Answer, rested bool) {
	if w.began == 0 {
		w.began = now
	}
	w.answers++
	w.latency += latency
	w.usual += usual
	w.square += usual * usual
	w.crowd += answer.Crowd
	w.peak = max(w.peak, answer.Crowd)
	w.timedOut = w.timedOut || answer.TimedOut
	if rested {
		w.rested++
	}
}

const (
	// windowAnswers and windowUnits are the least number of answers, and the least time, between
	// two decisions.
	windowAnswers = 20
	windowUnits   = .25

	// chanceTimes is how many requests long queues last that form by chance.
	chanceTimes = 20

	// fewRested is the share of requests that meet an endpoint with room below which it queues.
	fewRested = .1
)

func (w *tally) isOver(now load.Instant) bool {
	return w.answers >= windowAnswers && w.units(now) >= windowUnits
}

// gradient returns how many times as long as without load the answers took. It compares sums, so
// that a wait counts as much among cheap requests as among dear ones.
func (w *tally) gradient() float64 { return w.latency / w.usual }

func (w *tally) crowdMean() float64 { return float64(w.crowd) / float64(w.answers) }

// queues reports whether the endpoint had a standing queue: hardly any request met it with room.
// One that empties in between is no overload, however long it becomes (CoDel, Nichols and Jacobson,
// 2012).
func (w *tally) queues() bool { return float64(w.rested) < fewRested*float64(w.answers) }

// units returns how long ago the window began, see unit.
func (w *tally) units(now load.Instant) float64 { return now.Sub(w.began).Seconds() / w.unit() }

// unit returns the time in seconds in which queues come and go by chance, at least a second. Dear
// requests make these queues, so the mean time of requests is weighted by itself.
func (w *tally) unit() float64 {
	if w.usual == 0 {
		return 1
	}
	return max(1, chanceTimes*w.square/w.usual)
}

// pace is how long the endpoint takes relative to the unloaded times of its routes, which are of
// all endpoints, by its answers to requests that met it with room. Its zero value is as usual.
type pace struct{ latency, usual float64 }

const (
	// paceAnswers is the number of answers that the pace stands for. It is less than what the times
	// of the routes stand for, so that these stay while an endpoint changes.
	paceAnswers = 200

	// firstPaces is the number of answers that a pace as usual counts at first.
	firstPaces = 50

	// longestRested bounds what one answer counts, in usual times.
	longestRested = 5
)

func (p *pace) observe(latency, unloaded float64) {
	p.begin(unloaded)
	latency = min(latency, longestRested*unloaded*p.factor())
	p.latency += latency - p.latency/paceAnswers
	p.usual += unloaded - p.usual/paceAnswers
}

func (p *pace) begin(unloaded float64) {
	if p.usual == 0 {
		p.latency, p.usual = firstPaces*unloaded, firstPaces*unloaded
	}
}

func (p *pace) factor() float64 {
	if p.usual == 0 {
		return 1
	}
	return p.latency / p.usual
}

// correct multiplies the pace with what answers took in usual times, within bounds that an endpoint
// cannot leave.
func (p *pace) correct(gradient, unloaded float64) {
	p.begin(unloaded)
	p.latency = min(max(p.latency*gradient, p.usual/farthest), p.usual*farthest)
}

var farthest = math.Pow(10, 4)
