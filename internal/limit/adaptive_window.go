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
	square         float64 // the sum of the mean squares of the usual times
	crowd          int     // the sum of the crowds
	peak           int     // the largest crowd
	timedOut       bool
	emptied        bool // the endpoint had nothing to do any more
}

func (w *tally) add(now load.Instant, latency, usual float64, answer *Answer, rested bool) {
	if w.began == 0 {
		w.began = now
	}
	if w.answers == 0 && answer.Sent > w.began { // without the idle time before
		w.began = answer.Sent
	}
	w.answers++
	w.latency += latency
	w.usual += usual
	w.square += answer.spread() * usual * usual
	w.crowd += answer.Crowd
	w.peak = max(w.peak, answer.Crowd)
	w.timedOut = w.timedOut || answer.TimedOut
	w.emptied = w.emptied || answer.CrowdAtEnd <= 1 && !answer.TimedOut
	if rested {
		w.rested++
	}
}

// addTally adds the times of the answers of another tally.
func (w *tally) addTally(other *tally) {
	w.answers += other.answers
	w.latency += other.latency
	w.usual += other.usual
	w.crowd += other.crowd
}

const (
	// windowAnswers and windowUnits are the least number of answers, and the least time, between
	// two decisions.
	windowAnswers = 20
	windowUnits   = .25

	// chanceTimes is how many times as long as long requests queues last that form by chance.
	chanceTimes = 10

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

// unit returns the time in seconds in which queues come and go by chance, at least a second. Long
// requests make these queues, see longMean.
func (w *tally) unit() float64 { return max(1, chanceTimes*w.longMean()) }

// longMean returns the usual time in seconds of what an endpoint is found to work on: the mean time
// of requests, weighted by itself.
func (w *tally) longMean() float64 {
	if w.usual == 0 {
		return 0
	}
	return w.square / w.usual
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

	// exponentialSpread is the spread of exponential times. Where times vary more, both numbers
	// are larger in proportion.
	exponentialSpread = 2
)

func (p *pace) observe(latency float64, answer *Answer) {
	variety := max(1, answer.spread()/exponentialSpread)
	p.begin(answer.Unloaded, variety)
	latency = min(latency, load.UnloadedClip*answer.Unloaded*max(1, p.factor()))
	part := 1 / (paceAnswers * variety)
	p.latency += latency - p.latency*part
	p.usual += answer.Unloaded - p.usual*part
}

// spread returns how much the unloaded times of the route vary: their mean square, by the square of
// their mean.
func (a *Answer) spread() float64 { return a.Square / (a.Unloaded * a.Unloaded) }

func (p *pace) begin(unloaded, variety float64) {
	if p.usual == 0 {
		p.usual = firstPaces * variety * unloaded
		p.latency = p.usual
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
	p.begin(unloaded, 1)
	p.latency = min(max(p.latency*gradient, p.usual/farthest), p.usual*farthest)
}

var farthest = math.Pow(10, 4)
