package lbpolicy

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
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
	penalty    time.Duration // what an alarm adds to the expected time
	members    []endpoint.Member
	serving    []int32 // the members with a weight
	meanWeight float64 // of those that serve

	// expected has the expectation of each member, packed. One of the picks that find it outdated
	// refreshes it in place. Others may read a mixture of old and new values, which is as good.
	expected   []atomic.Uint64
	refreshed  atomic.Int64
	refreshing atomic.Bool
	overdue    atomic.Int64 // the median number of overdue requests

	// Room for the pick that refreshes, made by the first one. On the stack it would make that of
	// each new goroutine grow, which takes longer than the pick.
	readings []load.Reading
	numbers  []float64
}

func newLeastCost(members []endpoint.Member, decay, penalty time.Duration) *leastCost {
	l := &leastCost{decay: decay, penalty: penalty, members: members}
	l.expected = make([]atomic.Uint64, len(members))
	l.refreshed.Store(math.MinInt64 / 2)
	for i := range members {
		if members[i].Weight > 0 {
			l.serving = append(l.serving, int32(i))
		}
	}
	// Those that drain would make the mean, and thereby what a request in flight counts, too small.
	for _, i := range l.serving {
		l.meanWeight += float64(members[i].Weight) / float64(len(l.serving))
	}
	for i := range members {
		l.expected[i].Store(expectation{relative: 1, unknown: true}.packed())
	}
	return l
}

// perRequest returns what one request in flight counts at member i. A list of these would be one
// more place in memory that a pick reads.
func (l *leastCost) perRequest(i int) float64 {
	return l.meanWeight / float64(max(l.members[i].Weight, 1))
}

// cost returns the cost of one more request at member i. The weight scales only the requests in
// flight: it is room for requests at the same time, and an idle endpoint answers no sooner for a
// larger one.
//
// Parked requests are no work that slows others, so that work does not count them, but for those
// that are overdue here more than elsewhere. They themselves are spread evenly by all that is in
// flight: how fast an endpoint answers does not matter to them.
func (l *leastCost) cost(i int, e expectation, overdue float64, r *attempt.Route, now load.Instant) float64 {
	m := &l.members[i]
	if e.partial {
		e.sick += float32(alarmCost{r.Table, l.penalty}.of(m.Load.RouteAlarms(r.Route, now, l.decay)))
	}
	inFlight := float64(m.InFlight())
	perRequest := l.perRequest(i)
	if r.Parked {
		return float64(1+e.sick) * (1 + inFlight*perRequest)
	}
	work := inFlight
	if !r.Unknown { // an unknown one may turn out to be parked, as the first event streams do
		work = max(inFlight-float64(m.Load.Parked()), 0) + max(float64(m.Load.Overdue())-overdue, 0)
	}
	if e.unknown {
		// Send few requests before the first answer says how fast the endpoint is.
		work *= work + 1
	}
	return float64(e.relative+e.sick) * (1 + work*perRequest)
}

func (l *leastCost) pick(c candidates) int {
	if len(l.members) == 0 {
		return -1
	}
	route := c.attempts.Route(l.members[0].Endpoint, c.now)
	l.refresh(c.now, route.Table)
	overdue := float64(l.overdue.Load())
	for range maxReserveTries {
		best := cheapest{member: -1}
		for i := range l.expected {
			if c.usable(i) {
				cost := l.cost(i, unpacked(l.expected[i].Load()), overdue, &route, c.now)
				best.add(i, cost, float64(c.members[i].Weight))
			}
		}
		if best.member < 0 || c.reserve(best.member, 0) {
			return best.member
		}
	}
	return c.reserveAny()
}

// refresh computes the expectations again if they are outdated and no other pick does so now.
func (l *leastCost) refresh(now load.Instant, routes *load.Routes) {
	if now.Sub(load.Instant(l.refreshed.Load())) < expectedFor || l.refreshing.Swap(true) {
		return
	}
	defer l.refreshing.Store(false)
	if l.readings == nil {
		l.readings, l.numbers = make([]load.Reading, len(l.serving)), make([]float64, len(l.serving))
	}
	for j, i := range l.serving {
		l.readings[j] = l.members[i].Load.Read(now, l.decay)
	}
	norm := normOf(l.readings, l.numbers, alarmCost{routes, l.penalty})
	for j, i := range l.serving {
		l.expected[i].Store(norm.expect(&l.readings[j]).packed())
	}
	l.overdue.Store(int64(norm.overdue))
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
