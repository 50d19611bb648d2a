package traffic

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// fault is one way in which a backend can fail. It begins and ends on demand.
type fault struct {
	name  string
	begin func(f *faultyFleet)
	end   func(f *faultyFleet)

	// hangs is whether only a timeout can detect the fault.
	hangs bool
}

var faults = []fault{
	refusing,
	{name: "answers 500", begin: answerWith(http.StatusInternalServerError), end: answerWith(healthy)},
	{name: "hangs", begin: answerWith(hanging), end: answerWith(healthy), hangs: true},
	{name: "cuts connections", begin: answerWith(cutting), end: answerWith(healthy)},
}

var refusing = fault{
	name:  "refuses",
	begin: func(f *faultyFleet) { f.fleet[0].kill() },
	end:   func(f *faultyFleet) { f.restart(f.fleet[0]) },
}

// The modes of the first backend that are no status.
const (
	healthy = 0
	hanging = -1
	cutting = -2
)

// faultyFleet is a fleet whose first backend b0 fails on demand.
type faultyFleet struct {
	t     *testing.T
	mode  atomic.Int64 // of b0: a status that it answers, or a constant from above
	fleet fleet
}

func startFaultyFleet(t *testing.T, n int, serve serveFunc) *faultyFleet {
	t.Helper()
	f := &faultyFleet{t: t}
	f.fleet = startBackendsWith(t, n, serve, f.answer)
	return f
}

func (f *faultyFleet) answer(b *backend, w http.ResponseWriter, r *http.Request) {
	mode := f.mode.Load()
	switch {
	case b.name != "b0" || mode == healthy:
		time.Sleep(time.Millisecond) // leave the machine time for the checks
		writeName(b, w, r)
	case mode == hanging:
		<-r.Context().Done()
	case mode == cutting:
		panic(http.ErrAbortHandler)
	default:
		w.WriteHeader(int(mode))
	}
}

func (f *faultyFleet) restart(b *backend) {
	if err := b.start(); err != nil {
		f.t.Error(err)
	}
}

// answerWith returns a function that changes the mode of b0.
func answerWith(mode int64) func(*faultyFleet) {
	return func(f *faultyFleet) { f.mode.Store(mode) }
}
