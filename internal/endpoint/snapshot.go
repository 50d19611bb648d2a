package endpoint

import (
	"slices"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// Member is an endpoint together with what its source says of it, and its share of the requests.
type Member struct {
	*Endpoint

	// Info is what the source says of the endpoint.
	Info *listing.Info

	// Weight is the share of new requests within a band, relative to the other members; 0 if the
	// endpoint gets none. It follows the source's weight and the endpoint's own advice, and is
	// smaller during a slow start.
	Weight uint32

	// MaxRequests is the limit of requests in flight; 0 if there is none. It is a copy beside the
	// weight because every pick reads it: among thousands of endpoints, each further place in
	// memory costs a pick a tenth of a microsecond.
	MaxRequests int32

	// Ramp is the part of its share and limit that the endpoint gets during a slow start, else 1.
	Ramp float32

	// What the next snapshot is compared with.
	halfOpen, drains, healthy bool
}

// Limited scales a limit of requests down as far as the endpoint's slow start demands. The limit of
// a half-open endpoint stays, because it gets only trials, and older requests may fill a lower one.
func (m *Member) Limited(limit int) int {
	if limit == 0 || m.Ramp >= 1 || m.halfOpen {
		return limit
	}
	return max(1, int(float32(limit)*m.Ramp))
}

// Band is the members of one priority and zone. They share a part of the pool's requests.
type Band struct {
	Members []Member

	// Share is the part of the pool's requests that the members get together, from 0 to 1.
	Share float64

	// Spill is why requests come here that would rather go to a higher priority or the proxy's own
	// zone. FirstChoice means that they would not.
	Spill PickReason
}

// Snapshot is the list of a pool at one moment, and the share of each endpoint. It never changes.
// Tables that are derived from it (rings, schedules) index the members of its bands.
type Snapshot struct {
	// Members are all endpoints of the list, including those that get no requests.
	Members []Member

	// Bands are never empty. If the drawn band has no usable member, the first band that has one
	// serves instead.
	Bands []Band

	// Mode says which of the members serve.
	Mode Mode

	// ModeSince is when the pool entered the mode.
	ModeSince time.Time

	// Blocking are the conditions that keep requests away from a member that has a weight. A pick
	// must test them, because a condition may have come to hold since the weights were computed.
	Blocking Condition

	// HalfOpen is the condition that limits a member to one trial request in flight, whatever older
	// requests are open there.
	HalfOpen Condition

	// lost are the conditions of a member that has lost its sessions.
	lost Condition

	byAddress map[string]int
	ramping   bool // the shares will change without further events
	reporting bool // so may they by load reports

	// What MakeComparable converts weights with.
	scale       float64 // the factor between the weights of the sources and these
	zoneFactors map[tierZone]float64
}

// Usable reports whether a member may get a request now, and its limit of requests in flight, 0 for
// no limit. A nil admit admits all members. A member whose places are all taken is not usable.
func (s *Snapshot) Usable(m *Member, admit Admit) (ok bool, limit int) {
	if m.Weight == 0 || m.Is(s.Blocking) {
		return false, 0
	}
	ok = true
	if admit != nil {
		ok, limit = admit(m)
	}
	if m.Is(s.HalfOpen) && !m.IsTrialDue(load.Now()) {
		return false, limit
	}
	return ok && (limit == 0 || m.InFlight() < limit), limit
}

// Find returns the member with this address, or nil.
func (s *Snapshot) Find(address string) *Member {
	if i, ok := s.byAddress[address]; ok {
		return &s.Members[i]
	}
	return nil
}

// Draw returns the index of the band that contains a place between 0 and 1, where each band takes
// up as much room as its share. A random place gives each band its share of the requests.
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

// index makes Find work. It shares the index of the snapshot before if the list is the same.
func (s *Snapshot) index(before *Snapshot) {
	if before != nil && slices.EqualFunc(before.Members, s.Members, sameEndpoint) {
		s.byAddress = before.byAddress
		return
	}
	s.byAddress = make(map[string]int, len(s.Members))
	for i := range s.Members {
		// The first one wins, as in merged sources.
		if _, duplicate := s.byAddress[s.Members[i].Address()]; !duplicate {
			s.byAddress[s.Members[i].Address()] = i
		}
	}
}

// continueMode sets since when the mode holds, given the snapshot before.
func (s *Snapshot) continueMode(before *Snapshot) {
	s.ModeSince = before.ModeSince
	if s.Mode != before.Mode {
		s.ModeSince = time.Now()
	}
}

func sameEndpoint(a, b Member) bool { return a.Endpoint == b.Endpoint }

// sameShares reports whether each endpoint gets the same in both snapshots.
func (s *Snapshot) sameShares(o *Snapshot) bool {
	return s.Mode == o.Mode && s.scale == o.scale && slices.Equal(s.Members, o.Members) &&
		slices.EqualFunc(s.Bands, o.Bands, func(a, b Band) bool {
			return a.Share == b.Share && a.Spill == b.Spill && slices.Equal(a.Members, b.Members)
		})
}
