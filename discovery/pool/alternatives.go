package pool

import (
	"iter"
	"math/rand/v2"
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// Caddy counts failures by address, over all handlers of a process, and hands its counts out only
// with an upstream that it was given. The first pick of an endpoint therefore does not know whether
// another handler has failed there.

// maxAlternatives is how many endpoints follow such a pick. Caddy takes a microsecond for each, and
// with so many it rarely happens that all have failed elsewhere while others work.
const maxAlternatives = 31

// isUncounted reports whether Caddy may object to the endpoint by counts that the pool does not
// know.
func (p *Pool) isUncounted(e *endpoint.Endpoint) bool {
	return e.Counts() == nil && p.handler != nil &&
		p.handler.HealthChecks != nil && p.handler.HealthChecks.Passive != nil
}

// alternatives returns usable endpoints other than the picked one. The policy picks again from them
// if Caddy objects. Those whose counts are known come first, because Caddy does not object to them.
func (p *Pool) alternatives(r *http.Request, picked *endpoint.Endpoint) (all []*reverseproxy.Upstream) {
	s, attempts := p.claim.Roster.Snapshot(), p.transport.Attempts(r)
	for _, counted := range []bool{true, false} {
		for b := range s.Bands {
			for i := range spread(len(s.Bands[b].Members), maxAlternatives) {
				m := &s.Bands[b].Members[i]
				if (m.Counts() != nil) != counted || m.Endpoint == picked || attempts.Tried(m.Endpoint) {
					continue
				}
				if ok, limit := s.Usable(m, p.admit); ok {
					all = append(all, &reverseproxy.Upstream{Dial: m.Address(), MaxRequests: limit})
				}
				if len(all) == maxAlternatives {
					return all
				}
			}
		}
	}
	return all
}

// spread yields all of 0 to n-1 in an order whose first few numbers lie evenly apart, because
// neighbours in a list often fail together.
func spread(n, few int) iter.Seq[int] {
	return func(yield func(int) bool) {
		step := max(1, n/few)
		start := rand.IntN(step)
		for j := range step {
			for i := (start + j) % step; i < n; i += step {
				if !yield(i) {
					return
				}
			}
		}
	}
}
