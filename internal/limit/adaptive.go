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
	Square     float64 // the mean square of that time
	Crowd      int     // how many requests the endpoint worked on when it was sent, itself included
	CrowdAtEnd int     // the same when it was answered
	TimedOut   bool    // there was no answer in that time
}

const (
	// servedPart is the weight of a window in the mean of what the endpoint serves at once.
	servedPart = .3

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
	queue     tally   // the answers since the endpoint last had room
	usedAt    load.Instant
	seenAt    load.Instant // when there was an answer last
	easing    easing
	easeAfter time.Duration // how long no request must meet room until the next one
	restedAt  load.Instant  // when that time begins
}

// Limit returns the limit, 0 while there is none. It works on nil, which has none.
func (a *Adaptive) Limit(s *AdaptiveSettings) int {
	if a == nil || a.published.Load() == 0 {
		return s.Max
	}
	return s.bound(int(a.published.Load())) // the settings may be newer than the limit
}

// bound returns a limit within its bounds.
func (s *AdaptiveSettings) bound(limit int) int {
	return min(max(limit, s.Min), cmp.Or(s.Max, math.MaxInt32))
}

// Observe records an answer. It returns what part of its latency the endpoint would have taken for
// the request alone, 0 if it had no room for it.
func (a *Adaptive) Observe(s *AdaptiveSettings, now load.Instant, answer *Answer) (own float64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wake(answer.Sent)
	a.seenAt = now
	own = a.ownPart(answer)
	usual := answer.Unloaded * a.pace.factor()
	if usual > 0 && (!answer.TimedOut || answer.Latency > left*usual) {
		latency := min(answer.Latency, load.UnloadedClip*usual*max(1, a.gradient))
		if own > 0 {
			a.pace.observe(own*latency, answer)
		}
		a.window.add(now, latency, usual, answer, own > 0)
		a.easing.add(now, latency, usual, answer)
	}
	a.tick(s, now)
	return own
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

// ownPart returns the result of Observe. A request that met room may have shared it later with many
// others that came. It counts less then, instead of not at all: the longer requests take, the more
// others come meanwhile, so that the rest would be the short ones.
func (a *Adaptive) ownPart(answer *Answer) float64 {
	room := max(1, a.served-math.Sqrt(a.served)/2)
	if answer.TimedOut || float64(answer.Crowd) > room {
		return 0
	}
	return min(1, (2*room+2)/float64(max(answer.CrowdAtEnd, 1)))
}

// decide goes by the window that is over.
func (a *Adaptive) decide(s *AdaptiveSettings, now load.Instant) {
	a.gradient = a.window.gradient()
	served := a.window.crowdMean() / a.gradient
	if a.served == 0 {
		a.served = served
	}
	a.served += (served - a.served) * servedPart
	a.queue.addTally(&a.window)
	if !a.window.queues() {
		a.rest(now)
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
	if a.window.emptied || !a.window.queues() || a.gradient <= s.Tolerance {
		a.evidence = 0
		a.rest(now)
		return
	}
	a.evidence += a.window.units(now) * (min(a.gradient, steepest)/s.Tolerance - 1)
	if a.evidence >= overloaded {
		a.ease(s, now, a.queue.crowdMean()*firstPart)
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
	if queues && a.isEasingDue(now) {
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
