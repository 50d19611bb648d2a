package lbpolicy

import (
	"math/rand/v2"
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// candidates are what a policy may choose among for one request. It is passed by
// value: behind a pointer it would be an allocation on every pick.
type candidates struct {
	members []endpoint.Member
	roster  *endpoint.Roster // nil if the members are not a pool's
	now     load.Instant
	request *http.Request

	// Either the upstreams that stand for the members, one for one, or the pool's
	// own say in who may serve.
	upstreams reverseproxy.UpstreamPool
	admit     endpoint.Admit

	tries       *attempt.RequestAttempts // nil if the request cannot be followed
	untriedOnly bool                     // whether the request must not go where it has been

	blocking endpoint.Condition // who has any of these is not usable
	halfOpen endpoint.Condition // who has this may have one request at a time
	share    float64            // of the pool's requests that the members have, 1 if they are all
}

// usable reports whether member i may get this request, as far as can be told
// without reserving a place.
func (c *candidates) usable(i int) bool {
	m := &c.members[i]
	if m.Weight == 0 || m.Is(c.blocking) || c.untriedOnly && c.tries.Tried(m.Endpoint) {
		return false
	}
	ok, limit := c.allowed(i)
	return ok && (limit == 0 || m.InFlight() < limit)
}

// allowed is what Caddy or the pool says of member i, and its limit of requests.
func (c *candidates) allowed(i int) (ok bool, limit int) {
	switch {
	case c.upstreams != nil:
		ok, limit = c.upstreams[i].Available(), c.upstreams[i].MaxRequests
	case c.admit != nil:
		ok, limit = c.admit(&c.members[i])
	default:
		ok = true
	}
	if c.members[i].Is(c.halfOpen) {
		limit = 1
	}
	return ok, limit
}

// take reserves a place at member i, within its own limit of requests and within
// bound (0 is none). A pick ends with a take that succeeded.
func (c *candidates) take(i, bound int) bool {
	_, limit := c.allowed(i)
	if bound > 0 && (limit == 0 || bound < limit) {
		limit = bound
	}
	e := c.members[i].Endpoint
	if c.tries == nil {
		// Nobody would give the place back.
		return limit == 0 || e.InFlight() < limit
	}
	return e.Reserve(limit)
}

// inFlight is the number of requests in flight at all members.
func (c *candidates) inFlight() (n int) {
	if c.roster != nil {
		return c.roster.InFlight()
	}
	for i := range c.members {
		n += c.members[i].InFlight()
	}
	return n
}

// maxDraws is how often takeRandom draws before it looks at all. While half of the weight is
// usable, 16 draws miss once in 65,000 times.
const maxDraws = 16

// takeRandom takes a random usable member in proportion to the weights, -1 if there is none.
func (c *candidates) takeRandom(s *sampler) int {
	for range maxDraws {
		if i := s.draw(); c.usable(i) && c.take(i, 0) {
			return i
		}
	}
	return c.takeAny()
}

// takeAny takes a random usable member in proportion to the weights, -1 if there is
// none. It looks at all of them: it is for when a policy's own way of looking found
// nothing, so nearly all are down, tried or full.
func (c *candidates) takeAny() int {
	for range 3 { // a place may be lost to another request between looking and taking
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
		if best < 0 || c.take(best, 0) {
			return best
		}
	}
	return -1
}
