package limit

import (
	"cmp"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// AdaptiveSettings say how far an adaptive limit may go.
type AdaptiveSettings struct {
	Min, Max  int     // of the limit; a Max of 0 is none
	Tolerance float64 // how many times as long as without load answers may take
}

// Answer is what an adaptive limit learns from a request.
type Answer struct {
	Sent       load.Instant
	Latency    float64 // in seconds
	Unloaded   float64 // how long its route takes at an endpoint with room, in seconds; 0 if unknown
	Crowd      int     // how many requests the endpoint worked on when it was sent, itself included
	CrowdAtEnd int
	TimedOut   bool // there was no answer in that time
}

const (
	// servedPart is the weight of a window in the mean of what the endpoint serves at once.
	servedPart = .3

	// longestAnswer bounds what one answer counts, in the usual times of the last window.
	longestAnswer = 20

	// left is how many unloaded times a request has waited that times out because of a queue.
	left = 4

	// unusedFor is how long a limit must be unused to be dropped.
	unusedFor = time.Minute
)

// Adaptive is a limit of the requests that one endpoint works on at once. Its zero value has none.
//
// It goes by the gradient of the latency, as Netflix's Gradient2 (Landau, Thurston and Bozarth,
// 2018) and Envoy's adaptive concurrency do. By Little's law, an endpoint serves as many requests
// at once as it has, divided by how much longer than without load they take. The limit is that
// times the tolerance, and the square root of the limit more for queues that form by chance.
//
// Two things are different from those. There is no limit before the endpoint has had a standing
// queue for some time, see tally.queues, so that neither bursts nor chance lead to one. And a queue
// is distinguished from an endpoint that has become slower, see easing.
type Adaptive struct {
	published atomic.Int32 // 0 while there is none

	mu        sync.Mutex
	limit     float64 // before it is rounded; 0 while there is none
	served    float64 // how many requests the endpoint serves at once; 0 if that is not known
	gradient  float64 // of the last window
	pace      pace
	window    tally
	evidence  float64 // see look
	usedAt    load.Instant
	easing    easing
	easeAfter time.Duration // how long no request must meet room until the next one
	restedAt  load.Instant  // when that time begins
}

// Limit returns the limit, 0 while there is none. It works on nil, which has none.
func (a *Adaptive) Limit(s *AdaptiveSettings) int {
	if a == nil || a.published.Load() == 0 {
		return s.Max
	}
	return int(a.published.Load())
}

// Observe records an answer. It reports whether the endpoint had room for the request.
func (a *Adaptive) Observe(s *AdaptiveSettings, now load.Instant, answer *Answer) (rested bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	rested = a.hadRoom(answer)
	usual := answer.Unloaded * a.pace.factor()
	if usual > 0 && (!answer.TimedOut || answer.Latency > left*usual) {
		latency := min(answer.Latency, longestAnswer*usual*max(1, a.gradient))
		if rested {
			a.pace.observe(latency, answer.Unloaded)
		}
		a.window.add(now, latency, usual, answer, rested)
		a.easing.add(latency, usual, answer)
	}
	a.tick(s, now)
	return rested
}

// Tick makes time pass when a request is over that says nothing.
func (a *Adaptive) Tick(s *AdaptiveSettings, now load.Instant) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tick(s, now)
}

func (a *Adaptive) tick(s *AdaptiveSettings, now load.Instant) {
	switch {
	case a.easing.on && a.easing.isOver(now):
		a.endEasing(s, now)
	case a.easing.on || !a.window.isOver(now):
		return
	default:
		a.decide(s, now)
	}
	a.window = tally{began: now}
	a.publish(s)
}

// hadRoom reports whether a request met an endpoint with room. Those that end among many others are
// left out, but not those that end among a few: among them are the long ones.
func (a *Adaptive) hadRoom(answer *Answer) bool {
	room := max(1, a.served-math.Sqrt(a.served)/2)
	return !answer.TimedOut && float64(answer.Crowd) <= room && float64(answer.CrowdAtEnd) <= 2*room+2
}

// decide goes by the window that is over.
func (a *Adaptive) decide(s *AdaptiveSettings, now load.Instant) {
	a.gradient = a.window.gradient()
	served := a.window.crowdMean() / a.gradient
	if a.served == 0 {
		a.served = served
	}
	a.served += (served - a.served) * servedPart
	if !a.window.queues() {
		a.restedAt = now
	}
	if a.limit == 0 {
		a.look(s, now)
	} else {
		a.adjust(s, now)
	}
}

const (
	// overloaded is the evidence of an overload from which on there is a limit. At a load of 0.85,
	// several endpoints hardly ever have as much by chance.
	overloaded = 16

	// steepest bounds the gradient that counts as evidence.
	steepest = 50
)

// look looks for an overload. The evidence is how long there is a queue, times by how much answers
// take longer than tolerated.
func (a *Adaptive) look(s *AdaptiveSettings, now load.Instant) {
	if !a.window.queues() || a.gradient <= s.Tolerance {
		a.evidence = 0
		return
	}
	a.evidence += a.window.units(now) * (min(a.gradient, steepest)/s.Tolerance - 1)
	if a.evidence >= overloaded {
		a.ease(s, now, a.window.crowdMean()*firstPart)
	}
}

// adjust changes a limit that there is.
func (a *Adaptive) adjust(s *AdaptiveSettings, now load.Instant) {
	used := a.window.peak >= int(a.published.Load())
	if used {
		a.usedAt = now
	} else if now.Sub(a.usedAt) > unusedFor {
		a.limit, a.evidence = 0, 0
		return
	}
	queues, target := a.window.queues(), a.target(s)
	full := a.window.crowdMean() > mostlyFull*a.limit
	switch {
	case full && queues && a.gradient > s.Tolerance, used && target > a.limit:
		a.limit += (target - a.limit) / 2
	case used && (!queues || !full && a.gradient < wayTooSlow*s.Tolerance):
		a.limit += 2 * math.Sqrt(a.limit)
	}
	if a.window.timedOut && used {
		a.limit *= 1 - timeoutPart
	}
	if queues && now.Sub(a.restedAt) > a.easeAfter {
		a.ease(s, now, a.limit*laterPart)
	}
}

// mostlyFull is the part of the limit that the requests of an overload take on average. Where they
// take less, the limit is in the way of queues that form by chance, unless answers take wayTooSlow
// times as long as tolerated.
const (
	mostlyFull = .7
	wayTooSlow = 3
)

// timeoutPart is the part of the limit that a window with timeouts takes, as with AIMD.
const timeoutPart = .1

// target returns what the limit should be.
func (a *Adaptive) target(s *AdaptiveSettings) float64 {
	tolerated := s.Tolerance * a.served
	return tolerated + math.Sqrt(max(a.limit, tolerated))
}

// publish makes the limit hold.
func (a *Adaptive) publish(s *AdaptiveSettings) {
	limit := &a.limit
	if a.easing.on {
		limit = &a.easing.limit
	}
	if *limit > 0 {
		*limit = min(max(*limit, float64(s.Min)), float64(cmp.Or(s.Max, math.MaxInt32)))
	}
	a.published.Store(int32(math.Ceil(*limit)))
}
