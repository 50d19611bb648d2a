package endpoint

import (
	"sync/atomic"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/limit"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// Endpoint is one backend address and what is known of it. Its identity lasts as long as the pool
// knows the address, through changes of the list and reloads of the config. Pointers to it may be
// compared.
//
// What a source says of the endpoint (weight, zone, ...) is in the [Member] of a [Snapshot]
// instead, so that it changes together with the rest of the list.
type Endpoint struct {
	address    string
	pool       *Pool
	inFlight   atomic.Int64
	conditions atomic.Uint32 // next to inFlight and Load, because every pick reads them

	// Load says how fast the endpoint answers. Attempts write it, and policies read it.
	Load load.Load

	counts atomic.Pointer[Counts]
	broken atomic.Uint64

	verdict  atomic.Pointer[Verdict]
	ejection atomic.Pointer[Ejection]
	advice   atomic.Pointer[Advice]
	override atomic.Pointer[Override]

	passed       atomic.Int64 // the Instant at which a check last passed
	trial        atomic.Int64 // the Trial that keeps others from beginning; 0 if there is none
	servingSince atomic.Int64 // the Instant at which the slow start began; 0 if there was none

	refusal refusal
	reports atomic.Pointer[loadReports] // nil if there were none

	adaptive atomic.Pointer[limit.Adaptive] // nil unless answers came while the pool adapts limits

	pausedUntil atomic.Int64 // the Instant until which the endpoint wants no requests; 0 if it wants some

	listedSince atomic.Int64 // in nanoseconds since 1970

	// Tally is what the outlier detector counts.
	Tally Tally

	traffic traffic
}

// Counts is what Caddy counts of an address over all its handlers. It is an interface, so that this
// package does not import the reverse proxy.
type Counts interface {
	// Fails is the number of recent passive failures.
	Fails() int

	// NumRequests is the number of requests in flight, as Caddy counts them.
	NumRequests() int
}

// Fetch reads the memory that a pick reads, and uses nothing of it. Among thousands of endpoints it
// is in no cache. A pick that compares several calls it for all of them before it looks at one, so
// that the processor waits for all at once instead of for one after the other.
func (e *Endpoint) Fetch() {
	e.conditions.Load()
	e.Load.Fetch()
}

// Address returns the address to dial, in Caddy's notation.
func (e *Endpoint) Address() string { return e.address }

// ListedSince returns since when the endpoint is in a list without a gap.
func (e *Endpoint) ListedSince() time.Time { return time.Unix(0, e.listedSince.Load()) }

// InFlight returns the number of requests between their pick and the end of their response.
func (e *Endpoint) InFlight() int { return int(e.inFlight.Load()) }

// Reserve takes a place for a request, unless limit places are taken. A limit of 0 is no limit. The
// caller must call Release once for each success.
//
// The endpoint is counted before its pool and released after it. The pool therefore never counts
// more than its endpoints do, so that a bound that is derived from the pool's count is never too
// large.
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

// CountBroken counts kept connections that broke as a request used them.
func (e *Endpoint) CountBroken(n uint32) {
	if n > 0 {
		e.broken.Add(uint64(n))
	}
}

// Broken returns the number of kept connections that broke as a request used them, before the first
// byte of a response. They are no failures of the endpoint. Those that a transport replaced by
// itself are among them, and with HTTP/2 also those that took no further request.
func (e *Endpoint) Broken() uint64 { return e.broken.Load() }

// SetCounts stores where Caddy counts for this address.
func (e *Endpoint) SetCounts(c Counts) {
	if old := e.counts.Load(); old == nil || *old != c {
		stored := c // taking the address of c itself would allocate on every call
		e.counts.Store(&stored)
	}
}

// Counts returns where Caddy counts for this address, nil before its first request.
func (e *Endpoint) Counts() Counts {
	if c := e.counts.Load(); c != nil {
		return *c
	}
	return nil
}
