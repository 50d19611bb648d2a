package lbpolicy

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

const (
	// How long what is expected of each endpoint stands: a pick by an estimate of a millisecond
	// ago is none the worse, and at high rates many picks share the work. What is in flight
	// is looked at each time.
	outlookKept = time.Millisecond
)

// leastCost picks the endpoint of least cost, which is the time that an answer is expected
// to take, times the requests in flight there, per weight, plus one.
type leastCost struct {
	decay   time.Duration
	failure float64 // what a failure counts, in seconds
	members []endpoint.Member
	crowd   []float64 // what one request in flight counts at each: the mean weight by its own

	renewing atomic.Bool
	latest   atomic.Pointer[outlook]
}

// outlook is what is expected of each member. It never changes.
type outlook struct {
	at      endpoint.Instant
	members []expectation
}

// expectation is what is expected of a member if nothing is in flight there.
type expectation struct {
	seconds float64
	unknown bool // it has not answered lately
}

func newLeastCost(members []endpoint.Member, decay, failure time.Duration) *leastCost {
	l := &leastCost{decay: decay, failure: failure.Seconds(), members: members, crowd: make([]float64, len(members))}
	var total float64
	for i := range members {
		total += float64(members[i].Weight)
	}
	for i := range members {
		l.crowd[i] = total / float64(len(members)) / float64(members[i].Weight)
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
	outlook := l.outlook(c.now)
	for range 3 { // a place may be lost to another request between looking and taking
		best := least{member: -1}
		for i := range outlook.members {
			if c.usable(i) {
				best.add(i, l.cost(i, outlook.members[i]), float64(c.members[i].Weight))
			}
		}
		if best.member < 0 || c.take(best.member, 0) {
			return best.member
		}
	}
	return c.takeAny()
}

// outlook is the latest, renewed by one of the picks that find it too old.
func (l *leastCost) outlook(now endpoint.Instant) *outlook {
	latest := l.latest.Load()
	if latest != nil && (now.Sub(latest.at) < outlookKept || l.renewing.Swap(true)) {
		return latest
	}
	defer l.renewing.Store(false)
	latest = &outlook{at: now, members: make([]expectation, len(l.members))}
	glances := make([]glance, len(l.members))
	for i := range l.members {
		glances[i] = look(&l.members[i].Load, now, l.decay)
	}
	mean := meanLatency(glances)
	for i := range glances {
		latest.members[i] = glances[i].expectation(mean, l.failure)
	}
	l.latest.Store(latest)
	return latest
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
