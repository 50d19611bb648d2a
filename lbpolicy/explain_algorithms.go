package lbpolicy

import (
	"cmp"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// explain implements explainer.
func (l *leastCost) explain(c candidates, e *endpoint.Explanation, order []endpoint.ExplainedEndpoint) {
	route := c.attempts.Route(l.members[0].Endpoint, c.now)
	l.refresh(c.now, route.Table)
	if route.Route != nil {
		e.Route, e.Parked = route.Name(), route.Parked
	}
	overdue := float64(l.overdue.Load())
	for i := range order {
		if order[i].Rank == unusable {
			continue
		}
		expected := unpacked(l.expected[i].Load())
		cost := l.cost(i, expected, overdue, &route, c.now)
		order[i].Cost = &cost
		order[i].Parts = map[string]float64{
			"relative_time": float64(expected.relative), "failures": float64(expected.sick),
			"parked": float64(l.members[i].Load.Parked()), "per_request": l.perRequest[i],
		}
	}
	rank(order, func(a, b *endpoint.ExplainedEndpoint) int { return cmp.Compare(*a.Cost, *b.Cost) })
}

// explain implements explainer. A hash in the order of the members says which one owns the key.
func (h *hashPicker) explain(c candidates, e *endpoint.Explanation, order []endpoint.ExplainedEndpoint) {
	if e.Key = h.policy.keyOf(c.request); e.Key == "" {
		return
	}
	key := xxhash.Sum64String(e.Key)
	perWeight := h.policy.LoadFactor * float64(c.inFlight()+1) * c.share / h.usableWeight(&c)
	for i := range order {
		if order[i].Rank != unusable {
			order[i].Rank = 2*len(order) + 1 // beyond the order that is worked out
		}
	}
	taken := make([]bool, len(order))
	for place := 1; place <= min(len(order), maxExplained); place++ {
		i := h.ownerAmong(key, func(i int) bool { return !taken[i] })
		if i < 0 {
			return
		}
		taken[i] = true
		if order[i].Rank == unusable {
			continue
		}
		limit := bound(&c, i, perWeight)
		order[i].Rank = place
		order[i].Parts = map[string]float64{"hash_order": float64(place), "bound": float64(limit)}
		if c.members[i].InFlight() >= limit { // others come first
			order[i].Rank += len(order)
		}
	}
}

// maxExplained is the number of owners of a key that are worked out. Each looks at all members.
const maxExplained = 100

// rank numbers the usable members from 1.
func rank(order []endpoint.ExplainedEndpoint, compare func(a, b *endpoint.ExplainedEndpoint) int) {
	usable := make([]*endpoint.ExplainedEndpoint, 0, len(order))
	for i := range order {
		if order[i].Rank != unusable {
			usable = append(usable, &order[i])
		}
	}
	slices.SortStableFunc(usable, compare)
	for i, x := range usable {
		x.Rank = i + 1
	}
}
