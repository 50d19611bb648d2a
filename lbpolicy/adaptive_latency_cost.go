package lbpolicy

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

const (
	// How long what is expected of each endpoint stands: a pick by an estimate of a millisecond
	// ago is none the worse, and at high rates many picks share the work. What is in flight
	// is looked at each time.
	expectedFor = time.Millisecond
)

// leastCost picks the endpoint of least cost, which is the time that an answer is expected
// to take, times the requests in flight there, per weight, plus one.
type leastCost struct {
	decay   time.Duration
	failure float64 // what a failure counts, in seconds
	members []endpoint.Member
	crowd   []float64 // what one request in flight counts at each: the mean weight by its own

	// What is expected of each, which one of the picks that find it too old renews in place.
	// Others may read half old and half new, and be none the worse.
	expected []atomic.Uint64 // see expectation
	renewed  atomic.Int64
	renewing atomic.Bool
}

// expectation is how soon an answer is expected of a member if nothing is in flight there.
type expectation struct {
	seconds float64
	unknown bool // it has not answered lately
}

// packed has the flag where the sign is, as seconds are never negative.
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

func newLeastCost(members []endpoint.Member, decay, failure time.Duration) *leastCost {
	l := &leastCost{decay: decay, failure: failure.Seconds(), members: members, crowd: make([]float64, len(members))}
	l.expected = make([]atomic.Uint64, len(members))
	l.renewed.Store(math.MinInt64 / 2)
	var total float64
	for i := range members {
		total += float64(members[i].Weight)
	}
	for i := range members {
		l.crowd[i] = total / float64(len(members)) / float64(members[i].Weight)
		l.expected[i].Store(expectation{latencyFloor, true}.packed())
	}
	return l
}

// cost of one more request at member i. Weight is room for requests at the same time: with
// none in flight, it makes no difference to how soon an answer comes.
func (l *leastCost) cost(i int, e expectation) float64 {
	inFlight := float64(l.members[i].InFlight())
	if e.unknown {
		// What the first answer takes is worth waiting for.
		inFlight *= inFlight + 1
	}
	return e.seconds * (1 + inFlight*l.crowd[i])
}

func (l *leastCost) pick(c candidates) int {
	l.renew(c.now)
	for range 3 { // a place may be lost to another request between looking and taking
		best := least{member: -1}
		for i := range l.expected {
			if c.usable(i) {
				best.add(i, l.cost(i, unpacked(l.expected[i].Load())), float64(c.members[i].Weight))
			}
		}
		if best.member < 0 || c.take(best.member, 0) {
			return best.member
		}
	}
	return c.takeAny()
}

// renew works out anew what is expected of each, if nobody has lately or does so now.
func (l *leastCost) renew(now load.Instant) {
	if now.Sub(load.Instant(l.renewed.Load())) < expectedFor || l.renewing.Swap(true) {
		return
	}
	defer l.renewing.Store(false)
	var room [compareAll]loadSample
	glances := room[:len(l.members)]
	for i := range l.members {
		glances[i] = sample(&l.members[i].Load, now, l.decay)
	}
	mean := meanLatency(glances)
	for i := range glances {
		l.expected[i].Store(glances[i].expectation(mean, l.failure).packed())
	}
	l.renewed.Store(int64(now))
}

// least keeps the member of least cost; equals draw lots.
type least struct {
	member     int
	cost, lots float64
}

func (l *least) add(member int, cost, lots float64) {
	switch {
	case l.member < 0 || cost < l.cost:
		l.member, l.cost, l.lots = member, cost, lots
	case cost == l.cost:
		if l.lots += lots; rand.Float64()*l.lots < lots {
			l.member = member
		}
	}
}
