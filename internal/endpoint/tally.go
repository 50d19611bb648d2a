package endpoint

import (
	"math"
	"sync/atomic"
	"time"
)

// Tally counts the results of real requests at an endpoint. The outlier detector writes it, from
// many requests at once. It belongs to the endpoint, so that a reload does not reset it.
type Tally struct {
	// Consecutive is the number of failures since the last success.
	Consecutive atomic.Int32

	// ConsecutiveGateway is the number of those failures that say that the endpoint could not be
	// reached, or is itself a proxy that could not reach its backend.
	ConsecutiveGateway atomic.Int32

	// answered is whether any request has succeeded. An ejection does not reset it.
	answered atomic.Bool

	// The counts of the current window, with sums in units that integers can hold.
	requests, failures atomic.Uint32
	expected           atomic.Int64 // in millionths
	timed              atomic.Uint32
	relative           atomic.Int64 // in thousandths
	squares            atomic.Int64 // in millionths
	extra              atomic.Int64 // in nanoseconds
}

// Window is what was counted in one window of time.
type Window struct {
	Requests, Failures int
	Expected           float64 // the number of failures that is usual for the routes of the requests

	Timed    int           // the requests whose latency counts
	Relative float64       // the sum of their latencies, relative to their routes
	Squares  float64       // the sum of the squares of these
	Extra    time.Duration // the sum of the times by which they took longer than usual
}

// CountResult adds a request to the current window. expected is the share of failures that is usual
// for its route.
func (t *Tally) CountResult(failed bool, expected float64) {
	t.requests.Add(1)
	t.expected.Add(int64(math.Round(expected * 1e6)))
	if failed {
		t.failures.Add(1)
	}
}

// CountLatency adds the latency of an answer to the current window: relative to the mean of its
// route, and the time that it is more than that.
func (t *Tally) CountLatency(relative float64, extra time.Duration) {
	thousandths := int64(math.Round(relative * 1e3))
	t.timed.Add(1)
	t.relative.Add(thousandths)
	t.squares.Add(thousandths * thousandths)
	t.extra.Add(int64(extra))
}

// SetAnswered records that a request has succeeded. It writes only once, so that attempts at good
// endpoints do not compete for a cache line.
func (t *Tally) SetAnswered() {
	if !t.answered.Load() {
		t.answered.Store(true)
	}
}

// Answered reports whether any request has succeeded.
func (t *Tally) Answered() bool { return t.answered.Load() }

// Rotate ends the current window, returns it and starts the next. An attempt that is counted at the
// same instant may be split between the two, because a lock would cost every request more than the
// error matters.
func (t *Tally) Rotate() Window {
	return Window{
		Requests: int(t.requests.Swap(0)),
		Failures: int(t.failures.Swap(0)),
		Expected: float64(t.expected.Swap(0)) / 1e6,
		Timed:    int(t.timed.Swap(0)),
		Relative: float64(t.relative.Swap(0)) / 1e3,
		Squares:  float64(t.squares.Swap(0)) / 1e6,
		Extra:    time.Duration(t.extra.Swap(0)),
	}
}

// Clear resets all counts.
func (t *Tally) Clear() {
	t.Consecutive.Store(0)
	t.ConsecutiveGateway.Store(0)
	t.Rotate()
}
