package load

import (
	"math"
	"time"
)

const (
	// alarm is the evidence in nats at which an endpoint is taken to be sick. A failure where 0.1 %
	// of all fail is 6 nats, so that it takes two in a row: one in a thousand is no reason to do
	// without an endpoint. Where 2 % fail it takes three.
	alarm = 8.

	// maxAlarms bounds the evidence. It adds up, so that an endpoint that fails at every try is
	// tried less and less often. Without a bound its recovery would take too long to be noticed.
	maxAlarms = 4

	// changedShare is what a share becomes by a change, unless it is as large as that anyway.
	changedShare = .5

	// unreachableShare is the share of attempts at healthy endpoints that cannot connect. It is so
	// small that one is an alarm.
	unreachableShare = 1e-4
)

// nats returns what a result says about a change that makes a share of results larger: the
// logarithm of how much more likely the result is after the change than before.
func nats(holds bool, share float64) float64 {
	changed := max(changedShare, (1+share)/2)
	if holds {
		return math.Log(changed / share)
	}
	return math.Log((1 - changed) / (1 - share))
}

// evidence is how much more likely the results of an endpoint are if it is sick than if it is not,
// in nats: a cumulative sum (Page, 1954). Failures raise it as far as they are a surprise for their
// route, and answers lower it. One alarm leaks away in each decay time, so that an endpoint without
// requests is tried again.
type evidence struct {
	nats float64
	at   Instant
}

// left returns the evidence that is left at an instant.
func (e *evidence) left(now Instant, decay time.Duration) float64 {
	if e.nats == 0 {
		return 0
	}
	return max(e.nats-alarm*float64(max(now.Sub(e.at), 0))/float64(decay), 0)
}

// add changes the evidence, and returns by how much.
func (e *evidence) add(now Instant, nats float64, decay time.Duration) (added float64) {
	left := e.left(now, decay)
	e.nats, e.at = min(max(left+nats, 0), alarm*maxAlarms), now
	return e.nats - left
}

// until returns the instant until which the evidence is an alarm; 0 if it is none.
func (e *evidence) until(decay time.Duration) Instant {
	if e.nats < alarm {
		return 0
	}
	return e.at + Instant((e.nats/alarm-1)*float64(decay))
}
