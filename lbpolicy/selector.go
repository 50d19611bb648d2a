package lbpolicy

import (
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// algorithm is what a policy is, without Caddy.
type algorithm interface {
	// prepare builds the tables for a list of endpoints, off the request path.
	prepare(members []endpoint.Member) prepared
}

// picker picks from the list it was prepared for.
type prepared interface {
	// pick returns the member it has taken (candidates.take), or -1 if none is usable.
	pick(c candidates) int
}

// selector makes a Caddy selection policy of an algorithm. It is embedded in each
// policy, so that no policy knows reverseproxy.Selector.
type selector struct {
	algorithm algorithm
	transport *attempt.Transport // nil outside of a reverse proxy
	handler   *reverseproxy.Handler
	static    list // the upstreams in the config
	listed    list // the upstreams of a source that lists them

	// Another policy, and the requests that it is for.
	fallback reverseproxy.Selector
	deferred func(*http.Request) bool
}

// provision connects the policy with the reverse proxy that it is a guest of. The
// weights are those of the static upstreams, by position, or nil.
func (s *selector) provision(ctx caddy.Context, a algorithm, weights []int) (err error) {
	s.algorithm = a
	s.static = newList(s, weights)
	s.listed = newList(s, weights)
	s.transport, s.handler, err = attempt.Install(ctx)
	return err
}

// defers makes another policy select for some requests.
func (s *selector) defers(to any, deferred func(*http.Request) bool) {
	s.fallback, s.deferred = to.(reverseproxy.Selector), deferred
}

// Cleanup implements caddy.CleanerUpper.
func (s *selector) Cleanup() error {
	s.static.close()
	s.listed.close()
	return nil
}

// Select implements reverseproxy.Selector.
func (s *selector) Select(pool reverseproxy.UpstreamPool, r *http.Request, w http.ResponseWriter) *reverseproxy.Upstream {
	if len(pool) == 0 {
		return nil
	}
	if s.fallback != nil && s.deferred(r) {
		return s.selectDeferred(pool, r, w)
	}
	tries := s.transport.Attempts(r)
	if e := tries.Picked(); e != nil && len(pool) == 1 && pool[0].Dial == e.Address() {
		return confirm(tries, pool[0])
	}
	v := s.view(pool)
	_, i := s.choose(v.bands, 0, candidates{request: r, upstreams: pool, tries: tries})
	if i < 0 {
		return nil
	}
	return pool[i]
}

// choose picks for a request and holds a place for it.
func (s *selector) choose(bands []band, drawn int, c candidates) (*band, int) {
	c.now = load.Now()
	b, i := choose(bands, drawn, c)
	if b != nil && c.tries != nil {
		c.tries.Begin(b.Members[i].Endpoint)
	}
	return b, i
}

// selectDeferred lets the fallback select, from what was not tried while there is any,
// and follows the attempt if the fallback does not do so itself.
func (s *selector) selectDeferred(pool reverseproxy.UpstreamPool, r *http.Request, w http.ResponseWriter) *reverseproxy.Upstream {
	tries, v := s.transport.Attempts(r), s.view(pool)
	u := s.fallback.Select(untried(pool, v, tries), r, w)
	if u == nil && tries.Any() {
		u = s.fallback.Select(pool, r, w)
	}
	if i := slices.Index(pool, u); i >= 0 && tries != nil && tries.Picked() == nil {
		v.members[i].Reserve(0)
		tries.Begin(v.members[i].Endpoint)
	}
	return u
}

func untried(pool reverseproxy.UpstreamPool, v *view, tries *attempt.RequestAttempts) reverseproxy.UpstreamPool {
	if !tries.Any() {
		return pool
	}
	var rest reverseproxy.UpstreamPool
	for i, u := range pool {
		if !tries.Tried(v.members[i].Endpoint) {
			rest = append(rest, u)
		}
	}
	return rest
}

// confirm lets Caddy have its say about what was picked from a pool before: its
// circuit breaker, and failures that were counted since. The limit of requests was
// seen to by the pick, exactly.
func confirm(tries *attempt.RequestAttempts, u *reverseproxy.Upstream) *reverseproxy.Upstream {
	tries.Picked().SetCounts(u.Host)
	if !u.Healthy() {
		tries.Abandon()
		return nil
	}
	return u
}

// view joins upstreams with their endpoints. Those in the config are known by being
// the very same slice.
func (s *selector) view(pool reverseproxy.UpstreamPool) *view {
	if s.handler != nil && len(s.handler.Upstreams) == len(pool) && &s.handler.Upstreams[0] == &pool[0] {
		if v := s.static.joined.Load(); v != nil {
			return v
		}
		return s.static.join(pool)
	}
	return s.listed.find(pool)
}
