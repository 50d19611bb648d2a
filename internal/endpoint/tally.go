package endpoint

import (
	"sync/atomic"
	"time"
)

// Tally counts what came of real requests at an endpoint. The outlier detector writes it, many requests
// at once; it is kept here so that a reload does not forget it.
type Tally struct {
	Consecutive        atomic.Int32 // failures since the last success
	ConsecutiveGateway atomic.Int32 // of them, those that say the endpoint could not be reached or is itself a proxy of something that could not

	// Of the window that is open.
	requests, failures atomic.Uint32
	timed              atomic.Uint32
	latency            atomic.Int64
}

// Window is what was counted in a window of time.
type Window struct {
	Requests, Failures int
	Timed              int           // requests whose latency counts
	Latency            time.Duration // the sum of theirs
}

// Count adds an attempt to the window.
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

// Turn closes the window and opens the next. An attempt that ends at this moment may be counted half in
// each; nothing hangs on one.
func (t *Tally) Rotate() Window {
	return Window{int(t.requests.Swap(0)), int(t.failures.Swap(0)), int(t.timed.Swap(0)), time.Duration(t.latency.Swap(0))}
}

// Clear forgets everything.
func (t *Tally) Clear() {
	t.Consecutive.Store(0)
	t.ConsecutiveGateway.Store(0)
	t.Rotate()
}
