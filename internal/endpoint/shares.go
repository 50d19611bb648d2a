package endpoint

import (
	"cmp"
	"math"
	"slices"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// snapshot computes which members serve and the share of each. It writes into members, which become
// the snapshot's.
func (r Rules) snapshot(members []Member, now load.Instant) *Snapshot {
	reporting := r.adoptReports(members, now)
	eligible := r.eligibleOf(members)
	tiers := tiersOf(members, eligible)
	s := r.share(members, eligible, tiers, r.mode(tiers), now)
	s.reporting = reporting
	return s
}

// snapshotIn is snapshot for a part of the members of a pool, whose mode is that of the whole pool.
func (r Rules) snapshotIn(mode Mode, members []Member, now load.Instant) *Snapshot {
	eligible := r.eligibleOf(members)
	return r.share(members, eligible, tiersOf(members, eligible), mode, now)
}

// eligibleOf returns what each member may get.
func (r Rules) eligibleOf(members []Member) []eligibility {
	eligible := make([]eligibility, len(members))
	for i := range members {
		e := r.eligibility(&members[i])
		members[i].drains, members[i].healthy = e.drains || e.maintenance, e.healthy
		eligible[i] = e
	}
	r.applyReports(members, eligible)
	return eligible
}

// share computes the share of each member in a mode.
func (r Rules) share(members []Member, eligible []eligibility, tiers []tier, mode Mode, now load.Instant) *Snapshot {
	s := &Snapshot{Members: members, Mode: mode}
	s.Blocking, s.HalfOpen = s.Mode.blocking()&r.Watched, HalfOpen&r.Watched
	s.lost = s.Mode.lost() & r.Watched
	s.scale, s.ramping = r.setWeights(members, eligible, s.Mode, now)
	for i, share := range tierShares(s.Mode, tiers) {
		added := len(s.Bands)
		s.addBands(r, &tiers[i], share, eligible)
		s.setSpill(s.Bands[added:], r.Zone, i > 0)
	}
	if len(s.Bands) <= 1 {
		all := Band{Members: members, Share: 1} // it may have members without a weight, which picks skip
		if len(s.Bands) == 1 {
			all.Spill = s.Bands[0].Spill
		}
		s.Bands = []Band{all}
	}
	return s
}

// weightScale multiplies all weights where some of them are fractions of what their sources say, so
// that a fraction of a small weight stays different from 0.
const weightScale = 100

// setWeights sets the weight, limit and ramp of each member. It returns the factor between the
// weights of the sources and these, and reports whether any ramp rises.
func (r Rules) setWeights(
	members []Member, eligible []eligibility, mode Mode, now load.Instant,
) (scale float64, ramping bool) {
	top := 0.0
	for i := range members {
		m := &members[i]
		m.Ramp, m.Weight = float32(r.rampOf(m, now)), 0
		if eligible[i].servesIn(mode) {
			top = max(top, float64(m.Ramp))
		}
	}
	scale = 1
	for i := range members {
		m := &members[i]
		// If all endpoints are new, no other endpoint can carry the load instead.
		m.Ramp = min(1, m.Ramp/float32(max(top, rampFloor)))
		m.MaxRequests = int32(m.Limited(r.advice(m).maxRequests(cmp.Or(m.Info.MaxRequests, r.MaxRequests))))
		if eligible[i].servesIn(mode) {
			ramping = ramping || m.Ramp < 1
			if m.Ramp < 1 || eligible[i].weight != math.Trunc(eligible[i].weight) {
				scale = weightScale
			}
		}
	}
	for i := range members {
		if m := &members[i]; eligible[i].servesIn(mode) {
			m.Weight = uint32(max(1, math.Round(eligible[i].weight*scale*float64(m.Ramp))))
		}
	}
	return scale, ramping || top > 0 && top < 1
}

func (r Rules) rampOf(m *Member, now load.Instant) float64 {
	switch since := load.Instant(m.servingSince.Load()); {
	case r.SlowStart <= 0 || since == 0:
		return 1
	case m.halfOpen:
		return rampFloor
	default:
		return ramp(now.Sub(since), r.SlowStart)
	}
}

// addBands adds the band of a tier, or one band for each of its zones if the proxy's zone serves.
func (s *Snapshot) addBands(r Rules, t *tier, share float64, eligible []eligibility) {
	members := s.Members
	serving := slices.DeleteFunc(slices.Clone(t.members), func(i int) bool { return members[i].Weight == 0 })
	if len(serving) == 0 {
		return
	}
	weights, zones := zonesOf(members, eligible, serving, r.Zone)
	if r.Zone == "" || weights[r.Zone] == 0 {
		s.Bands = append(s.Bands, newBand(members, serving, share))
		return
	}
	shares := zoneShares(weights, r.Zone)
	for _, zone := range zones {
		inZone := slices.DeleteFunc(slices.Clone(serving), func(i int) bool { return members[i].Info.Zone != zone })
		s.Bands = append(s.Bands, newBand(members, inZone, share*shares[zone]))
	}
	s.setZoneFactors(t.priority, weights)
}

// newBand copies the members with these indices.
func newBand(members []Member, indices []int, share float64) Band {
	b := Band{Members: make([]Member, len(indices)), Share: share}
	for j, i := range indices {
		b.Members[j] = members[i]
	}
	return b
}
