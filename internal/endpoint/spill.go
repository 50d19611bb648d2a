package endpoint

import "slices"

// setSpill says of the bands of one tier why requests go there. lower says that there is a tier of
// a higher priority.
func (s *Snapshot) setSpill(bands []Band, zone string, lower bool) {
	if len(bands) == 0 {
		return
	}
	away := zone != "" && hasZone(s.Members, zone, bands[0].Members[0].Info.Priority)
	for i := range bands {
		switch b := &bands[i]; {
		case lower:
			b.Spill = TierSpill
		case away && !hasZone(b.Members, zone, b.Members[0].Info.Priority):
			b.Spill = ZoneSpill
		}
	}
}

// hasZone reports whether any of the members is of a zone and a priority, whatever its state.
func hasZone(members []Member, zone string, priority int) bool {
	return slices.ContainsFunc(members, func(m Member) bool {
		return m.Info.Zone == zone && m.Info.Priority == priority
	})
}
