package load

import (
	"math"
	"time"
)

const (
	// alarmNats is the evidence at which an endpoint is taken to be sick.
	alarmNats = 8.

	// maxAlarms bounds the evidence. It adds up, so that an endpoint that fails at every try is
	// tried less and less often. Without a bound its recovery would take too long to be noticed.
	maxAlarms = 4

	// sickShare is the share of failures of a sick endpoint, unless its route fails as often
	// anywhere.
	sickShare = .5

	// unreachableShare is the share of attempts at healthy endpoints that cannot connect. It is so
	// small that one is an alarm.
	unreachableShare = 1e-4
)

// evidence is how much more likely the results of an endpoint are if it is sick, as the sum of the
// log-likelihood ratios in nats (Page, 1954). Failures raise it as far as they are a surprise for
// their route, and answers lower it. One alarm leaks away in each decay time, so that an endpoint
// without requests is tried again.
type evidence struct {
	nats float64
	at   Instant
}

// routeEvidence is the evidence of failures of single routes, for endpoints that fail at one thing
// and do all others well. It has room for the routes that fail most.
type routeEvidence [4]struct {
	route *Route
	evidence
}

// failed adds a failure, which takes the place of the weakest evidence if its route has none yet.
func (e *routeEvidence) failed(r *Route, now Instant, nats float64, decay time.Duration) {
	weakest := 0
	for i := range e {
		if e[i].route == r {
			weakest = i
			break
		}
		if e[i].left(now, decay) < e[weakest].left(now, decay) {
			weakest = i
		}
	}
	if e[weakest].route != r {
		e[weakest].route, e[weakest].evidence = r, evidence{}
	}
	e[weakest].add(now, nats, decay)
}

// answered adds an answer, if its route has failed before.
func (e *routeEvidence) answered(r *Route, now Instant, nats float64, decay time.Duration) {
	for i := range e {
		if e[i].route == r {
			e[i].add(now, nats, decay)
		}
	}
}

// alarms returns those of a route, or the most of any route if r is nil.
func (e *routeEvidence) alarms(r *Route, now Instant, decay time.Duration) (most float64) {
	for i := range e {
		if e[i].route != nil && (r == nil || e[i].route == r) {
			most = max(most, e[i].evidence.alarms(now, decay))
		}
	}
	return most
}

// left returns the evidence at an instant.
func (e *evidence) left(now Instant, decay time.Duration) float64 {
	if e.nats == 0 {
		return 0
	}
	return max(e.nats-alarmNats*max(0, float64(now.Sub(e.at)))/float64(decay), 0)
}

// add changes the evidence and returns by how much.
func (e *evidence) add(now Instant, nats float64, decay time.Duration) (added float64) {
	left := e.left(now, decay)
	e.nats = min(max(left+nats, 0), alarmNats*maxAlarms)
	e.at = now
	return e.nats - left
}

// alarms returns how many alarms there are; 0 or at least 1.
func (e *evidence) alarms(now Instant, decay time.Duration) float64 {
	left := e.left(now, decay) / alarmNats
	if left < 1 {
		return 0
	}
	return left
}

// failureNats returns what a failure says where a share of them is usual.
func failureNats(share float64) float64 { return math.Log(sick(share) / share) }

// answerNats returns what an answer says where a share of failures is usual.
func answerNats(share float64) float64 { return math.Log((1 - sick(share)) / (1 - share)) }

func sick(share float64) float64 { return max(sickShare, (1+share)/2) }
