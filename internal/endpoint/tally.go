package endpoint

import (
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

	// The counts of the current window.
	requests, failures atomic.Uint32
	timed              atomic.Uint32
	latency            atomic.Int64
}

// Window is what was counted in one window of time.
type Window struct {
	Requests, Failures int
	Timed              int           // requests whose latency counts
	Latency            time.Duration // the sum of their latencies
}

// Count adds an attempt to the current window.
func (t *Tally) Count(failed bool, latency time.Duration) {
	t.requests.Add(1)
	switch {
	case failed:
		t.failures.Add(1)
	case latency > 0:
		t.timed.Add(1)
		t.latency.Add(int64(latency))
	}
}

// Rotate ends the current window, returns it and starts the next. An attempt that is counted at the
// same instant may be split between the two, because a lock would cost every request more than the
// error matters.
func (t *Tally) Rotate() Window {
	return Window{
		Requests: int(t.requests.Swap(0)),
		Failures: int(t.failures.Swap(0)),
		Timed:    int(t.timed.Swap(0)),
		Latency:  time.Duration(t.latency.Swap(0)),
	}
}

// Clear resets all counts.
func (t *Tally) Clear() {
	t.Consecutive.Store(0)
	t.ConsecutiveGateway.Store(0)
	t.Rotate()
}
