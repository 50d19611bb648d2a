package endpoint

import (
	"sync/atomic"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// traffic counts what happens at an endpoint, from when the pool knows it on. A reload does not
// reset it. Requests add to it without a lock, and only those who look at it read it.
type traffic struct {
	// What nearly every request needs is beside one another. firstByte is made by the first answer:
	// most endpoints of a large pool may never have one.
	firstByte atomic.Pointer[load.Histogram]
	picks     atomic.Uint64
	endings   [EndingCount]atomic.Uint64 // the first is that of most requests

	ejections [EjectionCauseCount]atomic.Uint64
	checks    [CheckResultCount]atomic.Uint64
	checked   atomic.Int64 // the time that checks took, in nanoseconds
}

// Totals is what traffic has counted, of one endpoint or of several.
type Totals struct {
	Picks     uint64
	Endings   [EndingCount]uint64
	Ejections [EjectionCauseCount]uint64
	Checks    [CheckResultCount]uint64
	CheckTime time.Duration
	Broken    uint64     // kept connections that broke as they were used
	FirstByte load.Times // the times to first byte of answers that are no error
}

// Picks returns how often the endpoint was picked for a request.
func (e *Endpoint) Picks() uint64 { return e.traffic.picks.Load() }

// CountEnding counts an attempt whose ending is known.
func (e *Endpoint) CountEnding(end Ending) { e.traffic.endings[end].Add(1) }

// CountFirstByte counts the time to first byte of an answer that is no error.
func (e *Endpoint) CountFirstByte(d time.Duration) {
	h := e.traffic.firstByte.Load()
	if h == nil {
		e.traffic.firstByte.CompareAndSwap(nil, new(load.Histogram))
		h = e.traffic.firstByte.Load()
	}
	h.Observe(d)
}

// CountEjection counts an ejection.
func (e *Endpoint) CountEjection(c EjectionCause) { e.traffic.ejections[c].Add(1) }

// CountCheck counts a check of the endpoint's health, and the time that it took.
func (e *Endpoint) CountCheck(r CheckResult, took time.Duration) {
	e.traffic.checks[r].Add(1)
	e.traffic.checked.Add(int64(took))
}

// AddTotals adds what has happened at the endpoint to t.
func (e *Endpoint) AddTotals(t *Totals) {
	t.Picks += e.traffic.picks.Load()
	addCounts(t.Endings[:], e.traffic.endings[:])
	addCounts(t.Ejections[:], e.traffic.ejections[:])
	addCounts(t.Checks[:], e.traffic.checks[:])
	t.CheckTime += time.Duration(e.traffic.checked.Load())
	t.Broken += e.Broken()
	if h := e.traffic.firstByte.Load(); h != nil {
		h.AddTo(&t.FirstByte)
	}
}

func addCounts(to []uint64, from []atomic.Uint64) {
	for i := range from {
		to[i] += from[i].Load()
	}
}

// Attempts returns the number of attempts that have ended.
func (t *Totals) Attempts() (n uint64) {
	for _, ended := range t.Endings {
		n += ended
	}
	return n
}
