package lbpolicy

import (
	"math/rand/v2"
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// candidates are the members that a policy may pick for one request. They are passed by value,
// because a pointer would escape and cost every pick an allocation.
type candidates struct {
	members []endpoint.Member
	roster  *endpoint.Roster // nil if the members are not a pool's
	now     load.Instant
	request *http.Request

	// Either the upstreams that the members were joined with, in the same order, or the admission
	// of the pool. Both may be nil.
	upstreams reverseproxy.UpstreamPool
	admit     endpoint.Admit

	attempts    *attempt.RequestAttempts // nil if the request cannot be tracked
	untriedOnly bool                     // whether members that the request has tried are unusable

	blocking endpoint.Condition // any of these makes a member unusable
	halfOpen endpoint.Condition // this limits a member to one trial request in flight
	share    float64            // the members' part of the pool's requests, 1 if they are all
}

// usable reports whether member i may get this request. The place may be gone when it is reserved.
func (c *candidates) usable(i int) bool {
	return (!c.untriedOnly || !c.attempts.Tried(c.members[i].Endpoint)) && c.usableByOthers(i)
}

// usableByOthers reports whether member i may get requests other than this one.
func (c *candidates) usableByOthers(i int) bool {
	m := &c.members[i]
	if m.Weight == 0 || m.Is(c.blocking) {
		return false
	}
	if m.Is(c.halfOpen) && !m.IsTrialDue(c.now) {
		return false
	}
	ok, limit := c.admitted(i)
	return ok && (limit == 0 || m.InFlight() < limit)
}

// admitted reports whether Caddy or the pool admits member i, and its limit of requests.
func (c *candidates) admitted(i int) (ok bool, limit int) {
	switch {
	case c.upstreams != nil:
		ok, limit = c.upstreams[i].Available(), c.upstreams[i].MaxRequests
	case c.admit != nil:
		ok, limit = c.admit(&c.members[i])
	default:
		ok = true
	}
	return ok, limit
}

// reserve takes a place at member i, within its own limit of requests and within bound (0 is none),
// and reports whether it got one. A successful reserve is the last step of every pick.
func (c *candidates) reserve(i, bound int) bool {
	_, limit := c.admitted(i)
	if bound > 0 && (limit == 0 || bound < limit) {
		limit = bound
	}
	e := c.members[i].Endpoint
	if c.attempts == nil {
		// Nothing would give the place back.
		return limit == 0 || e.InFlight() < limit
	}
	if e.Is(c.halfOpen) {
		return c.attempts.ReserveTrial(e, limit, c.now)
	}
	return e.Reserve(limit)
}

// inFlight returns the number of requests in flight at all members, or in the whole pool.
func (c *candidates) inFlight() (n int) {
	if c.roster != nil {
		return c.roster.InFlight()
	}
	for i := range c.members {
		n += c.members[i].InFlight()
	}
	return n
}

// maxReserveTries is how often a pick starts over when another request takes its place between the
// comparison and the reservation.
const maxReserveTries = 3

// maxDraws is how often reserveRandom draws before it looks at all members. While half of the
// weight is usable, 16 draws miss once in 65,000 times.
const maxDraws = 16

// reserveRandom reserves a place at a random usable member in proportion to the weights. It returns
// -1 if there is none.
func (c *candidates) reserveRandom(s *sampler) int {
	for range maxDraws {
		if i := s.draw(); c.usable(i) && c.reserve(i, 0) {
			return i
		}
	}
	return c.reserveAny()
}

// reserveAny is like reserveRandom, but looks at all members. It is the last resort of policies:
// when their own search found nothing, nearly all members are down, tried or full.
func (c *candidates) reserveAny() int {
	for range maxReserveTries {
		best, total := -1, uint64(0)
		for i := range c.members {
			if c.usable(i) {
				w := uint64(c.members[i].Weight)
				total += w
				if rand.Uint64N(total) < w {
					best = i
				}
			}
		}
		if best < 0 || c.reserve(best, 0) {
			return best
		}
	}
	return -1
}
