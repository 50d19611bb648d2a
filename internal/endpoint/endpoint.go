package endpoint

import (
	"sync/atomic"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// Endpoint is one backend address and what is known of it. Its identity lasts as
// long as the pool knows the address, through changes of the list and reloads of
// the config; pointers to it may be compared.
//
// What a source says of it (weight, zone, ...) is not here but in the Member of a
// Snapshot, so that it changes together with the rest of the list.
type Endpoint struct {
	address    string
	pool       *Pool
	inFlight   atomic.Int64
	conditions atomic.Uint32 // here, because a pick looks at it together with inFlight
	counts     atomic.Pointer[Counts]

	verdict  atomic.Pointer[Verdict]
	ejection atomic.Pointer[Ejection]
	advice   atomic.Pointer[Advice]
	passed   atomic.Int64 // the Instant at which a check last passed
	rising   atomic.Int64 // the Instant at which it began to serve, 0 if it has always done so; see ramp

	// Tally is what the outlier detector counts.
	Tally Tally

	// Load says how fast the endpoint answers. Attempts write it.
	Load load.Load
}

// Counts is what Caddy itself counts of an address over all its handlers. It is
// an interface so that this package need not know the proxy.
type Counts interface {
	Fails() int
	NumRequests() int
}

// Address is the address to dial, in Caddy's notation.
func (e *Endpoint) Address() string { return e.address }

// InFlight is the number of requests between their pick and the end of their response.
func (e *Endpoint) InFlight() int { return int(e.inFlight.Load()) }

// Reserve takes a place for a request unless limit places are taken. A limit of 0
// is none. Every success must be followed by one Release.
//
// The endpoint is counted before its pool and released after it, so the pool never
// counts more than its endpoints do: a bound derived from the pool's count errs on
// the strict side.
func (e *Endpoint) Reserve(limit int) bool {
	for {
		n := e.inFlight.Load()
		if limit > 0 && n >= int64(limit) {
			return false
		}
		if e.inFlight.CompareAndSwap(n, n+1) {
			e.pool.inFlight.Add(1)
			return true
		}
	}
}

// Release gives a reserved place back.
func (e *Endpoint) Release() {
	e.pool.inFlight.Add(-1)
	e.inFlight.Add(-1)
}

// SetCounts remembers where Caddy counts for this address.
func (e *Endpoint) SetCounts(c Counts) {
	if old := e.counts.Load(); old == nil || *old != c {
		kept := c // or c would be an allocation on every call
		e.counts.Store(&kept)
	}
}

// Counts is where Caddy counts for this address, nil before its first request.
func (e *Endpoint) Counts() Counts {
	if c := e.counts.Load(); c != nil {
		return *c
	}
	return nil
}
