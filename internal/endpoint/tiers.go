package endpoint

import (
	"cmp"
	"slices"
)

// tier is the members of one priority.
type tier struct {
	priority int
	members  []int // indices

	// How many are usable; work, though they may drain; would serve if health were ignored; and how
	// many there are of which it is known whether they work and that do not drain.
	usable, working, willing, checked int

	usableWeight, checkedWeight float64
}

// tiersOf sorts members by priority, the lowest number first.
func tiersOf(members []Member, standings []eligibility) []tier {
	byPriority := make(map[int]*tier)
	for i := range members {
		p := members[i].Info.Priority
		t := byPriority[p]
		if t == nil {
			t = &tier{priority: p}
			byPriority[p] = t
		}
		t.add(i, &standings[i])
	}
	tiers := make([]tier, 0, len(byPriority))
	for _, t := range byPriority {
		tiers = append(tiers, *t)
	}
	slices.SortFunc(tiers, func(a, b tier) int { return cmp.Compare(a.priority, b.priority) })
	return tiers
}

func (t *tier) add(i int, s *eligibility) {
	t.members = append(t.members, i)
	if s.maintenance {
		return
	}
	if s.healthy {
		t.working++
	}
	if s.drains {
		return
	}
	t.willing++
	if s.unchecked {
		return
	}
	t.checked++
	t.checkedWeight += s.weight
	if s.healthy {
		t.usable++
		t.usableWeight += s.weight
	}
}

// overprovisioning is how much more than its load a tier is taken to be able to carry: with 1.4 it
// keeps all of it while 72 % of its weight is usable (Envoy's number).
const overprovisioning = 1.4

// loads are what part of the requests each tier gets: as much as it can carry of what the tiers before it left over.
// If all together cannot carry everything, each gets the more.
func loads(mode Mode, tiers []tier) []float64 {
	capacities := make([]float64, len(tiers))
	var total float64
	for i := range tiers {
		capacities[i] = tiers[i].capacity(mode)
		total += capacities[i]
	}
	rest := 1.0
	for i := range capacities {
		if total > 0 && total < 1 {
			capacities[i] /= total
		}
		capacities[i] = min(rest, capacities[i])
		rest -= capacities[i]
	}
	return capacities
}

func (t *tier) capacity(mode Mode) float64 {
	switch {
	case mode == Healthy && t.checkedWeight > 0:
		return min(1, overprovisioning*t.usableWeight/t.checkedWeight)
	case mode == Draining && t.working > 0, mode == Open && t.willing > 0:
		return 1
	}
	return 0
}
