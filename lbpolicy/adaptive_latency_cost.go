package lbpolicy

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// expectedFor is how long the expectations are valid. A pick by an estimate from a millisecond ago
// is as good, and at high rates many picks share the computation. Requests in flight are read at
// each pick.
const expectedFor = time.Millisecond

// leastCost picks the endpoint of least cost, which is the time that an answer is expected to take,
// times the requests in flight there, per weight, plus one.
type leastCost struct {
	decay      time.Duration
	penalty    float64 // what a failure adds to the expected time, in seconds
	members    []endpoint.Member
	perRequest []float64 // what one request in flight counts at each member: the mean weight by its own

	// expected has the expectation of each member, packed. One of the picks that find it outdated
	// refreshes it in place. Others may read a mixture of old and new values, which is as good.
	expected   []atomic.Uint64
	refreshed  atomic.Int64
	refreshing atomic.Bool
}

// expectation is how soon an answer is expected of a member with no requests in flight.
type expectation struct {
	seconds float64
	unknown bool // there was no answer lately
}

// packed returns the expectation as one word. The flag is in the sign, as seconds are never
// negative.
func (e expectation) packed() uint64 {
	if e.unknown {
		return math.Float64bits(-e.seconds)
	}
	return math.Float64bits(e.seconds)
}

func unpacked(bits uint64) expectation {
	seconds := math.Float64frombits(bits)
	return expectation{math.Abs(seconds), seconds < 0}
}

func newLeastCost(members []endpoint.Member, decay, penalty time.Duration) *leastCost {
	l := &leastCost{decay: decay, penalty: penalty.Seconds(), members: members}
	l.perRequest = make([]float64, len(members))
	l.expected = make([]atomic.Uint64, len(members))
	l.refreshed.Store(math.MinInt64 / 2)
	var total float64
	for i := range members {
		total += float64(members[i].Weight)
	}
	for i := range members {
		l.perRequest[i] = total / float64(len(members)) / float64(members[i].Weight)
		l.expected[i].Store(expectation{latencyFloor, true}.packed())
	}
	return l
}

// cost returns the cost of one more request at member i. The weight scales only the requests in
// flight: it is room for requests at the same time, and an idle endpoint answers no sooner for a
// larger one.
func (l *leastCost) cost(i int, e expectation) float64 {
	inFlight := float64(l.members[i].InFlight())
	if e.unknown {
		// Send few requests before the first answer says how fast the endpoint is.
		inFlight *= inFlight + 1
	}
	return e.seconds * (1 + inFlight*l.perRequest[i])
}

func (l *leastCost) pick(c candidates) int {
	l.refresh(c.now)
	for range maxReserveTries {
		best := cheapest{member: -1}
		for i := range l.expected {
			if c.usable(i) {
				best.add(i, l.cost(i, unpacked(l.expected[i].Load())), float64(c.members[i].Weight))
			}
		}
		if best.member < 0 || c.reserve(best.member, 0) {
			return best.member
		}
	}
	return c.reserveAny()
}

// refresh computes the expectations again if they are outdated and no other pick does so now.
func (l *leastCost) refresh(now load.Instant) {
	if now.Sub(load.Instant(l.refreshed.Load())) < expectedFor || l.refreshing.Swap(true) {
		return
	}
	defer l.refreshing.Store(false)
	var room [compareAll]loadReading // on the stack
	readings := room[:len(l.members)]
	for i := range l.members {
		readings[i] = readLoad(&l.members[i].Load, now, l.decay)
	}
	mean := meanLatency(readings)
	for i := range readings {
		l.expected[i].Store(readings[i].expectation(mean, l.penalty).packed())
	}
	l.refreshed.Store(int64(now))
}

// cheapest keeps the member of least cost. Members of equal cost draw lots in proportion to theirs.
type cheapest struct {
	member     int
	cost, lots float64
}

func (b *cheapest) add(member int, cost, lots float64) {
	switch {
	case b.member < 0 || cost < b.cost:
		b.member, b.cost, b.lots = member, cost, lots
	case cost == b.cost:
		if b.lots += lots; rand.Float64()*b.lots < lots {
			b.member = member
		}
	}
}
