package lbpolicy

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// explain implements explainer.
func (l *leastCost) explain(c candidates, e *endpoint.Explanation, order []endpoint.ExplainedEndpoint) {
	route := c.attempts.Route(l.members[0].Endpoint, c.now)
	l.refresh(c.now, route.Table)
	l.setCosts(c, e, order, &route, float64(l.overdue.Load()), func(i int) expectation {
		return unpacked(l.expected[i].Load())
	})
	rank(order, func(a, b int) int { return cmp.Compare(*order[a].Cost, *order[b].Cost) })
}

// explain implements explainer. A pick compares a sample. Here all are compared, and which of them
// are in a sample is chance, so that there are costs without an order.
func (l *leastOfSample) explain(c candidates, e *endpoint.Explanation, order []endpoint.ExplainedEndpoint) {
	route := c.attempts.Route(l.members[0].Endpoint, c.now)
	readings, at := make([]load.Reading, 0, len(order)), make([]int, len(order))
	for i := range order {
		if order[i].Rank != unusable {
			at[i] = len(readings)
			readings = append(readings, l.members[i].Load.Read(c.now, l.decay))
		}
	}
	norm := normOf(readings, make([]float64, len(readings)), alarmCost{route.Table, l.penalty})
	l.setCosts(c, e, order, &route, norm.overdue, func(i int) expectation { return norm.expect(&readings[at[i]]) })
	e.Reason = cmp.Or(e.Reason, sampleReason("cheapest", l.size))
}

// sampleReason is the reason of policies that pick the best of a random sample.
func sampleReason(best string, size int) string {
	return fmt.Sprintf("the policy picks the %s of %d endpoints that it draws as often as the shares say", best, size)
}

// setCosts sets the costs of the usable members, and what they are made of.
func (l *leastCost) setCosts(
	c candidates, e *endpoint.Explanation, order []endpoint.ExplainedEndpoint,
	route *attempt.Route, overdue float64, expected func(i int) expectation,
) {
	if route.Route != nil {
		e.Route, e.Parked = route.Name(), route.Parked
	}
	for i := range order {
		if order[i].Rank == unusable {
			continue
		}
		x := expected(i)
		cost := l.cost(i, x, overdue, route, c.now)
		order[i].Cost = &cost
		order[i].Parts = map[string]float64{
			"relative_time": float64(x.relative), "failures": float64(x.sick),
			"parked": float64(l.members[i].Load.Parked()), "per_request": l.perRequest(i),
		}
	}
}

// explain implements explainer. A hash in the order of the members says which one owns the key.
func (h *hashPicker) explain(c candidates, e *endpoint.Explanation, order []endpoint.ExplainedEndpoint) {
	if e.Key = h.policy.keyOf(c.request); e.Key == "" && e.Reason == "" {
		e.Reason = "the key of the request is empty, so that a random endpoint gets it, as often as the shares say"
	}
	if name := h.policy.key.unknown(c.request); name != "" {
		e.Reason = fmt.Sprintf("the key has {%s}, which a request that is only explained does not have", name)
		return
	}
	if e.Key == "" {
		return
	}
	places := h.places(xxhash.Sum64String(e.Key), len(order))
	perWeight := h.policy.LoadFactor * float64(c.inFlight()+1) * c.share / h.usableWeight(&c)
	full := make([]int, len(order))
	for i := range order {
		if order[i].Rank == unusable {
			continue
		}
		limit := bound(&c, i, perWeight)
		order[i].Parts = map[string]float64{"bound": float64(limit)}
		if places[i] <= maxExplained {
			order[i].AddPart("hash_order", float64(places[i]))
		}
		if limit > 0 && c.members[i].InFlight() >= limit {
			full[i] = 1 // others come first
		}
	}
	rank(order, func(a, b int) int { return cmp.Or(cmp.Compare(full[a], full[b]), cmp.Compare(places[a], places[b])) })
}

// maxExplained is the number of owners of a key that are worked out. Each looks at all members.
const maxExplained = 100

// places returns the place of each member in the order in which a pick looks at them, from 1. Those
// that are not worked out come after the others, in the order of the list.
func (h *hashPicker) places(key uint64, members int) []int {
	const notYet = maxExplained + 1
	places, last := slices.Repeat([]int{notYet}, members), 0
	add := func(i int) {
		if i >= 0 && places[i] == notYet && last < maxExplained {
			last++
			places[i] = last
		}
	}
	for step := range min(h.steps(), maxExplained) {
		add(h.owner(key, step))
	}
	for range min(members, maxExplained) {
		add(h.ownerAmong(key, func(i int) bool { return places[i] == notYet }))
	}
	return places
}

// explain implements explainer. The cost is how full a member would be, and turns decide among
// equal ones. All idle ones are equal.
func (l *leastConn) explain(c candidates, _ *endpoint.Explanation, order []endpoint.ExplainedEndpoint) {
	setFills(c.members, order)
	rank(order, func(a, b int) int {
		turn := int64(l.next[a].Load() - l.next[b].Load()) // times may have overflowed
		return cmp.Or(fillOf(&c.members[a]).compare(fillOf(&c.members[b])), cmp.Compare(turn, 0))
	})
}

// explain implements explainer. Which members are in the sample is chance, so that there are costs
// without an order.
func (l *leastConnOfSample) explain(c candidates, e *endpoint.Explanation, order []endpoint.ExplainedEndpoint) {
	setFills(c.members, order)
	e.Reason = cmp.Or(e.Reason, sampleReason("least full", sampleSize))
}

func setFills(members []endpoint.Member, order []endpoint.ExplainedEndpoint) {
	for i := range order {
		if order[i].Rank != unusable {
			f := fillOf(&members[i])
			cost := float64(f.requests) / float64(f.weight)
			order[i].Cost = &cost
		}
	}
}

// explain implements explainer. The order is that in which the members are filled.
func (p *inOrder) explain(c candidates, _ *endpoint.Explanation, order []endpoint.ExplainedEndpoint) {
	place := 0
	for _, i := range p.order {
		if order[i].Rank == unusable {
			continue
		}
		place++
		order[i].Rank = place
		_, limit := c.admitted(int(i))
		order[i].AddPart("max_requests", float64(limit))
	}
}

// rank numbers the usable members from 1. compare gets their indices.
func rank(order []endpoint.ExplainedEndpoint, compare func(a, b int) int) {
	usable := make([]int, 0, len(order))
	for i := range order {
		if order[i].Rank != unusable {
			usable = append(usable, i)
		}
	}
	slices.SortStableFunc(usable, compare)
	for place, i := range usable {
		order[i].Rank = place + 1
	}
}
