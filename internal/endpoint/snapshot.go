package endpoint

// Member is an endpoint together with what its source said of it.
type Member struct {
	*Endpoint
	Info *Info

	// Weight is the share of new requests; 0 if the endpoint drains.
	Weight uint32

	// MaxRequests is that of Info, here because a pick asks for it: among thousands of
	// endpoints, each place in memory that it has to visit costs it a tenth of a microsecond.
	MaxRequests int32
}

// Snapshot is who is in a list at one moment. It never changes; tables derived
// from it (rings, schedules) index Members and belong to it.
type Snapshot struct {
	Members []Member
	byDial  map[string]int
}

// Find is the member with this address, or nil.
func (s *Snapshot) Find(address string) *Member {
	if i, ok := s.byDial[address]; ok {
		return &s.Members[i]
	}
	return nil
}

func newSnapshot(members []Member) *Snapshot {
	s := &Snapshot{Members: members, byDial: make(map[string]int, len(members))}
	for i := range members {
		// The first wins, as in merged sources.
		if _, dup := s.byDial[members[i].Address()]; !dup {
			s.byDial[members[i].Address()] = i
		}
	}
	return s
}
