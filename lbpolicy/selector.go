package lbpolicy

import (
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
	"github.com/caddy-balance/caddy-balance/internal/metrics"
)

// caddySelector is Caddy's interface of a policy.
type caddySelector = reverseproxy.Selector

// candidatesNow returns the members of a list as candidates at this moment.
func candidatesNow(
	members []endpoint.Member, pool reverseproxy.UpstreamPool, r *http.Request, attempts *attempt.RequestAttempts,
) candidates {
	return candidates{
		request: r, upstreams: pool, attempts: attempts, members: members, share: 1,
		now: load.Now(), untriedOnly: attempts.Any(),
	}
}

// algorithm is the part of a policy that does not depend on Caddy.
type algorithm interface {
	// prepare builds the tables for a list of endpoints. They depend on the endpoints, their names
	// and weights alone. It runs off the request path, except for lists of other sources, which may
	// change on any request. See transient and discarder for tables that are large.
	prepare(members []endpoint.Member) bandPicker
}

// bandPicker picks from the list that it was prepared for.
type bandPicker interface {
	// pick returns the member at which it reserved a place (candidates.reserve), or -1 if none is
	// usable. Many requests call it at once.
	pick(c candidates) int
}

// selector turns an algorithm into a Caddy selection policy. Each policy embeds it, so that no
// policy depends on reverseproxy.Selector.
type selector struct {
	algorithm algorithm
	transport *attempt.Transport // nil outside of a reverse proxy
	handler   *reverseproxy.Handler
	picker    *rosterPicker // nil if no pool lets the policy pick
	static    upstreamViews // of the upstreams in the config
	listed    upstreamViews // of the upstreams of a source that lists them

	releaseRoutes func() // nil outside of a reverse proxy

	// Another policy, and whether it selects for a request. Both are nil if there is none.
	fallback     reverseproxy.Selector
	usesFallback func(*http.Request) bool
}

// provision connects the policy with the reverse proxy that is being provisioned. weights are those
// of the static upstreams by position, or nil.
func (s *selector) provision(ctx caddy.Context, a algorithm, weights []int) (err error) {
	s.algorithm = a
	if err := metrics.Register(ctx.GetMetricsRegistry()); err != nil {
		return err
	}
	s.static = newUpstreamViews(s, weights)
	s.listed = newUpstreamViews(s, weights)
	s.transport, s.handler, err = attempt.Install(ctx)
	if s.transport != nil {
		s.releaseRoutes = s.transport.AcquireRoutes()
	}
	return err
}

// setFallback makes another policy select for the requests for which uses returns true.
func (s *selector) setFallback(policy any, uses func(*http.Request) bool) {
	s.fallback, s.usesFallback = policy.(reverseproxy.Selector), uses
}

// Fallback returns the policy that selects for some requests instead, nil if there is none. A pool
// looks for this method, because it lists its endpoints for these requests.
func (s *selector) Fallback() any { return s.fallback }

// Cleanup implements caddy.CleanerUpper.
func (s *selector) Cleanup() error {
	if s.releaseRoutes != nil {
		s.releaseRoutes()
		s.releaseRoutes = nil
	}
	s.static.close()
	s.listed.close()
	return nil
}

// Select implements reverseproxy.Selector.
func (s *selector) Select(
	pool reverseproxy.UpstreamPool, r *http.Request, w http.ResponseWriter,
) *reverseproxy.Upstream {
	if len(pool) == 0 {
		return nil
	}
	if s.fallback != nil && s.usesFallback(r) {
		return s.selectByFallback(pool, r, w)
	}
	attempts := s.transport.Attempts(r)
	if e := attempts.Picked(); e != nil && s.picker != nil && pool[0].Dial == e.Address() {
		return s.confirm(pool, r, attempts)
	}
	_, i := s.pick(s.view(pool).prepared(), 0, candidates{request: r, upstreams: pool, attempts: attempts})
	if i < 0 {
		return nil
	}
	return pool[i]
}

// pick picks for a request, and makes the reserved place the request's own.
func (s *selector) pick(bands []band, drawn int, c candidates) (*band, int) {
	c.now = load.Now()
	b, i := pickFromBands(bands, drawn, c)
	if b != nil && c.attempts != nil {
		if b.Spill != endpoint.FirstChoice {
			c.attempts.Note(b.Spill)
		}
		c.attempts.Begin(b.Members[i].Endpoint)
	}
	return b, i
}

// selectByFallback lets the fallback select, from untried upstreams while there are any. It tracks
// the attempt if the fallback does not.
func (s *selector) selectByFallback(
	pool reverseproxy.UpstreamPool, r *http.Request, w http.ResponseWriter,
) *reverseproxy.Upstream {
	return s.selectBy(s.fallback, pool, s.view(pool).members, r, w)
}

// selectBy is selectByFallback with any policy. members are the upstreams joined with their
// endpoints.
func (s *selector) selectBy(
	policy caddySelector, pool reverseproxy.UpstreamPool, members []endpoint.Member,
	r *http.Request, w http.ResponseWriter,
) *reverseproxy.Upstream {
	attempts := s.transport.Attempts(r)
	if attempts == nil {
		return policy.Select(pool, r, w)
	}
	attempts.NoteFallback(attempt.PolicyName(policy))
	defer attempts.NoteFallback("")
	find := func(u *reverseproxy.Upstream) *endpoint.Endpoint {
		if i := slices.Index(pool, u); i >= 0 {
			return members[i].Endpoint
		}
		return nil
	}
	u := attempts.SelectListed(policy.Select, untried(pool, members, attempts), r, w, find)
	if u == nil && attempts.Any() {
		u = attempts.SelectListed(policy.Select, pool, r, w, find)
	}
	return u
}

// untried returns the upstreams that the request has not tried.
func untried(
	pool reverseproxy.UpstreamPool, members []endpoint.Member, attempts *attempt.RequestAttempts,
) reverseproxy.UpstreamPool {
	if !attempts.Any() {
		return pool
	}
	var rest reverseproxy.UpstreamPool
	for i, u := range pool {
		if !attempts.Tried(members[i].Endpoint) {
			rest = append(rest, u)
		}
	}
	return rest
}

// view returns the view of upstreams. Static upstreams are recognized by being the very same slice.
func (s *selector) view(pool reverseproxy.UpstreamPool) *upstreamView {
	if s.handler != nil && len(s.handler.Upstreams) == len(pool) && &s.handler.Upstreams[0] == &pool[0] {
		if v := s.static.latest.Load(); v != nil {
			return v
		}
		return s.static.join(pool)
	}
	return s.listed.find(pool)
}
