package endpoint

import (
	"slices"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// Member is an endpoint together with what its source said of it, and what it gets.
type Member struct {
	*Endpoint
	Info *listing.Info

	// Weight is the share of new requests within a band; 0 if the endpoint gets none. It is in
	// proportion to the source's weight and what the endpoint asked for, and less while it starts slowly.
	Weight uint32

	// MaxRequests is the limit of requests in flight, 0 if there is none. It is here because a pick asks for it: among thousands of
	// endpoints, each place in memory that it has to visit costs it a tenth of a microsecond.
	MaxRequests int32

	// Ramp is the part of its limit and share that an endpoint gets while it starts slowly, else 1.
	Ramp float32

	// What the next snapshot compares with.
	trial, drains, healthy bool
}

// Limited is a limit of requests as far as the endpoint's ramp has come.
func (m *Member) Limited(limit int) int {
	if limit == 0 || m.Ramp >= 1 {
		return limit
	}
	return max(1, int(float32(limit)*m.Ramp))
}

// Band is the members that share a part of a pool's requests: those of one priority and zone.
type Band struct {
	Members []Member
	Share   float64
}

// Snapshot is who is in a list at one moment, and what each of them gets. It never changes; tables derived
// from it (rings, schedules) index the members of its bands and belong to it.
type Snapshot struct {
	Members []Member // all
	Bands   []Band   // never empty; those that come first are to be preferred where shares do not decide
	Mode    Mode

	Blocking Condition // keeps requests away from an endpoint that has a share: it may have come up since
	HalfOpen Condition // lets an endpoint have one request at a time

	byDial map[string]int
	rising bool // shares will change by themselves
}

// Find is the member with this address, or nil.
func (s *Snapshot) Find(address string) *Member {
	if i, ok := s.byDial[address]; ok {
		return &s.Members[i]
	}
	return nil
}

// Draw is the band of a request that is at this place between 0 and 1, so that each band gets its share.
func (s *Snapshot) Draw(place float64) (band int) {
	for i := range s.Bands {
		if share := s.Bands[i].Share; share > 0 {
			band = i
			if place -= share; place < 0 {
				break
			}
		}
	}
	return band
}

// index makes Find work, by the index of the snapshot before if the list is the same.
func (s *Snapshot) index(before *Snapshot) {
	if before != nil && slices.EqualFunc(before.Members, s.Members, sameEndpoint) {
		s.byDial = before.byDial
		return
	}
	s.byDial = make(map[string]int, len(s.Members))
	for i := range s.Members {
		// The first wins, as in merged sources.
		if _, dup := s.byDial[s.Members[i].Address()]; !dup {
			s.byDial[s.Members[i].Address()] = i
		}
	}
}

func sameEndpoint(a, b Member) bool { return a.Endpoint == b.Endpoint }

// sameShares reports whether all endpoints get the same in both.
func (s *Snapshot) sameShares(o *Snapshot) bool {
	return s.Mode == o.Mode && slices.Equal(s.Members, o.Members) &&
		slices.EqualFunc(s.Bands, o.Bands, func(a, b Band) bool { return a.Share == b.Share && slices.Equal(a.Members, b.Members) })
}
