package endpoint

import "math"

// MakeComparable converts the weights of members that come from several pools, or from none, to one
// unit. Each pool has a unit of its own: hundredths of the sources' weights while some weight is a
// fraction, as during a slow start, and whole ones otherwise.
//
// A pool in one of whose zones the proxy runs lists one zone for each request, in place of all
// zones of its tier. The members of a zone are therefore given the weight of the whole tier.
func MakeComparable(members []Member, pools []*Snapshot) {
	if len(pools) == 0 {
		return
	}
	var common uint32
	for i := range members {
		m := &members[i]
		factor := float64(weightScale) // for an address that no pool lists
		for _, p := range pools {
			if in := p.Find(m.Address()); in != nil && in.Endpoint == m.Endpoint {
				factor = float64(weightScale) / p.scale * p.zoneFactor(in)
				break
			}
		}
		if m.Weight > 0 {
			m.Weight = uint32(min(max(1, math.Round(float64(m.Weight)*factor)), math.MaxUint32))
		}
		common = greatestCommonDivisor(common, m.Weight)
	}
	for i := range members {
		members[i].Weight /= max(common, 1) // policies may take turns in whole cycles of the sum of weights
	}
}

// tierZone is one zone of one tier.
type tierZone struct {
	priority int
	zone     string
}

// setZoneFactors stores the weight of a tier as a multiple of the weight of each of its zones.
func (s *Snapshot) setZoneFactors(priority int, weights map[string]float64) {
	if s.zoneFactors == nil {
		s.zoneFactors = make(map[tierZone]float64)
	}
	var total float64
	for _, weight := range weights {
		total += weight
	}
	for zone, weight := range weights {
		s.zoneFactors[tierZone{priority, zone}] = total / weight
	}
}

// zoneFactor returns how many times its own weight the zone of a member stands for. It is 1 if the
// tier is not split into zones.
func (s *Snapshot) zoneFactor(m *Member) float64 {
	if factor, ok := s.zoneFactors[tierZone{m.Info.Priority, m.Info.Zone}]; ok {
		return factor
	}
	return 1
}

func greatestCommonDivisor(a, b uint32) uint32 {
	for b > 0 {
		a, b = b, a%b
	}
	return a
}
