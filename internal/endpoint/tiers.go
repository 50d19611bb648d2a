package endpoint

import (
	"cmp"
	"slices"
)

// tier is the members of one priority, with how many of them can serve.
type tier struct {
	priority int
	members  []int // indices

	usable  int // healthy, and not draining
	working int // healthy, draining or not
	willing int // not draining, healthy or not
	checked int // willing, with a known health

	usableWeight, checkedWeight float64
}

// tiersOf groups members by priority, the lowest number first.
func tiersOf(members []Member, eligible []eligibility) []tier {
	byPriority := make(map[int]*tier)
	for i := range members {
		p := members[i].Info.Priority
		t := byPriority[p]
		if t == nil {
			t = &tier{priority: p}
			byPriority[p] = t
		}
		t.add(i, &eligible[i])
	}
	tiers := make([]tier, 0, len(byPriority))
	for _, t := range byPriority {
		tiers = append(tiers, *t)
	}
	slices.SortFunc(tiers, func(a, b tier) int { return cmp.Compare(a.priority, b.priority) })
	return tiers
}

func (t *tier) add(i int, e *eligibility) {
	t.members = append(t.members, i)
	if e.maintenance {
		return
	}
	if e.healthy {
		t.working++
	}
	if e.drains {
		return
	}
	t.willing++
	if e.unchecked {
		return
	}
	t.checked++
	t.checkedWeight += e.weight
	if e.healthy {
		t.usable++
		t.usableWeight += e.weight
	}
}

// overprovisioning is the factor of its load that a tier is assumed to be able to carry: with 1.4
// it keeps all of the load while 72 % of its weight is usable (Envoy's number).
const overprovisioning = 1.4

// tierShares returns the share of the requests that each tier gets: as much as it can carry of what
// the tiers before it left over. If all tiers together cannot carry everything, each gets more in
// proportion.
func tierShares(mode Mode, tiers []tier) []float64 {
	shares := make([]float64, len(tiers))
	var total float64
	for i := range tiers {
		shares[i] = tiers[i].capacity(mode)
		total += shares[i]
	}
	left := 1.0
	for i := range shares {
		if total > 0 && total < 1 {
			shares[i] /= total
		}
		shares[i] = min(left, shares[i])
		left -= shares[i]
	}
	return shares
}

// capacity returns the share of all requests that the tier can carry.
func (t *tier) capacity(mode Mode) float64 {
	switch {
	case mode == Healthy && t.checkedWeight > 0:
		return min(1, overprovisioning*t.usableWeight/t.checkedWeight)
	case mode == Draining && t.working > 0, mode == Open && t.willing > 0:
		return 1
	}
	return 0
}
