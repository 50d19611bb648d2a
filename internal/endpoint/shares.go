package endpoint

import (
	"math"
	"slices"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// share works out who serves and how much each of them gets. It writes into members, which
// become the snapshot's.
func (r Rules) share(members []Member, now load.Instant) *Snapshot {
	standings := make([]eligibility, len(members))
	for i := range members {
		standings[i] = r.eligibility(&members[i])
		members[i].drains, members[i].healthy = standings[i].drains || standings[i].maintenance, standings[i].healthy
	}
	tiers := tiersOf(members, standings)
	s := &Snapshot{Members: members, Mode: r.mode(tiers)}
	s.Blocking, s.HalfOpen = s.Mode.blocking()&r.Watched, HalfOpen&r.Watched
	s.rising = r.weigh(members, standings, s.Mode, now)
	for i, load := range loads(s.Mode, tiers) {
		s.Bands = append(s.Bands, r.bands(&tiers[i], load, members, standings)...)
	}
	if len(s.Bands) <= 1 {
		s.Bands = []Band{{members, 1}} // those without a weight do no harm there
	}
	return s
}

// weightScale is what weights are multiplied with where some of them are parts of what their sources say, so that a part of
// a small one can be told from none.
const weightScale = 100

// weigh sets what each member gets, in proportion to the others, and reports whether ramps are on their way.
func (r Rules) weigh(members []Member, standings []eligibility, mode Mode, now load.Instant) (rising bool) {
	top := 0.0
	for i := range members {
		m := &members[i]
		m.Ramp, m.Weight = float32(r.rampOf(m, now)), 0
		if standings[i].serves(mode) {
			top = max(top, float64(m.Ramp))
		}
	}
	scale := 1.0
	for i := range members {
		m := &members[i]
		// If everybody is new, nobody has to be spared: the others cannot carry the load either.
		m.Ramp = min(1, m.Ramp/float32(max(top, rampFloor)))
		m.MaxRequests = int32(m.Limited(r.advice(m).maxRequests(m.Info.MaxRequests)))
		if standings[i].serves(mode) {
			rising = rising || m.Ramp < 1
			if m.Ramp < 1 || standings[i].weight != math.Trunc(standings[i].weight) {
				scale = weightScale
			}
		}
	}
	for i := range members {
		if m := &members[i]; standings[i].serves(mode) {
			m.Weight = uint32(max(1, math.Round(standings[i].weight*scale*float64(m.Ramp))))
		}
	}
	return rising || top > 0 && top < 1
}

func (r Rules) rampOf(m *Member, now load.Instant) float64 {
	switch since := load.Instant(m.rising.Load()); {
	case r.SlowStart <= 0 || since == 0:
		return 1
	case m.trial:
		return rampFloor
	default:
		return ramp(now.Sub(since), r.SlowStart)
	}
}

// bands splits a tier by zone, if it matters.
func (r Rules) bands(t *tier, load float64, members []Member, standings []eligibility) []Band {
	serving := slices.DeleteFunc(slices.Clone(t.members), func(i int) bool { return members[i].Weight == 0 })
	if len(serving) == 0 {
		return nil
	}
	weights, zones := zonesOf(members, standings, serving, r.Zone)
	if r.Zone == "" || weights[r.Zone] == 0 {
		return []Band{band(members, serving, load)}
	}
	shares := zoneShares(weights, r.Zone)
	var bands []Band
	for _, zone := range zones {
		inZone := slices.DeleteFunc(slices.Clone(serving), func(i int) bool { return members[i].Info.Zone != zone })
		bands = append(bands, band(members, inZone, load*shares[zone]))
	}
	return bands
}

func band(members []Member, in []int, share float64) Band {
	b := Band{make([]Member, len(in)), share}
	for j, i := range in {
		b.Members[j] = members[i]
	}
	return b
}
