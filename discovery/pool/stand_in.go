package pool

import (
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// standInSelector selects the only upstream of a request that the pool refuses, because a policy
// may do more than that, such as set a cookie. For all others the policy of the handler selects; if
// requests wait in a queue, it selects again when another request was faster.
type standInSelector struct {
	reverseproxy.Selector
	pool *Pool
}

// CaddyModule returns the module information of the policy, which is the one to be named.
func (s *standInSelector) CaddyModule() caddy.ModuleInfo {
	if m, ok := s.Selector.(caddy.Module); ok {
		return m.CaddyModule()
	}
	return caddy.ModuleInfo{}
}

// Select implements reverseproxy.Selector.
func (s *standInSelector) Select(
	pool reverseproxy.UpstreamPool, r *http.Request, w http.ResponseWriter,
) *reverseproxy.Upstream {
	attempts := s.pool.transport.Attempts(r)
	if len(pool) > 0 && attempts.IsRefused() {
		return pool[0]
	}
	if s.pool.limits.gate == nil || attempts == nil {
		return s.Selector.Select(pool, r, w)
	}
	u := s.selectReserved(pool, r, w, attempts)
	if u == nil {
		attempts.LeaveAtLast()
	}
	attempts.Place().Found()
	return u
}

// selectReserved lets the policy select something at which the request gets a place. If others have
// taken all places of the list, the request goes back to the queue at once: Caddy would ask for
// another list only if tries are left, and after a pause.
func (s *standInSelector) selectReserved(
	pool reverseproxy.UpstreamPool, r *http.Request, w http.ResponseWriter, attempts *attempt.RequestAttempts,
) *reverseproxy.Upstream {
	for {
		u := attempts.SelectListed(s.Selector.Select, pool, r, w, s.find)
		if u != nil || !s.goesBack(pool, attempts) {
			return u
		}
		upstreams, refused := s.pool.enter(r, attempts)
		if pool = s.pool.counted(upstreams); refused {
			return pool[0]
		}
		if len(pool) == 0 {
			s.pool.CountUnserved(s.pool.admit)
			return nil
		}
	}
}

// goesBack reports whether a request for which the policy selected nothing goes back to the queue,
// because others were faster. Otherwise the policy wants none of the list. With a circuit breaker,
// Caddy has to ask, because nothing else can give one to upstreams.
func (s *standInSelector) goesBack(pool reverseproxy.UpstreamPool, attempts *attempt.RequestAttempts) bool {
	if !attempts.HoldsPlace() || attempts.KeepsPlace() || s.pool.handler.CB != nil {
		return false
	}
	s.pool.learnCounts(pool)
	return attempts.Overtaken() || s.pool.isOutdated(pool)
}

// find returns the endpoint of an upstream, nil if the pool has none.
func (s *standInSelector) find(u *reverseproxy.Upstream) *endpoint.Endpoint {
	if m := s.pool.claim.Roster.Snapshot().Find(u.Dial); m != nil {
		return m.Endpoint
	}
	return nil
}

// learnCounts stores where Caddy counts for upstreams that it has provisioned. Without it, one that
// has had no request yet seems to have room while requests of another handler fill it.
func (p *Pool) learnCounts(upstreams reverseproxy.UpstreamPool) {
	s := p.claim.Roster.Snapshot()
	for _, u := range upstreams {
		if m := s.Find(u.Dial); m != nil {
			m.SetCounts(u.Host)
		}
	}
}

// isOutdated reports whether the pool would not list all of the upstreams any more.
func (p *Pool) isOutdated(upstreams reverseproxy.UpstreamPool) bool {
	s := p.claim.Roster.Snapshot()
	return slices.ContainsFunc(upstreams, func(u *reverseproxy.Upstream) bool {
		m := s.Find(u.Dial)
		if m == nil {
			return true
		}
		ok, limit := s.Usable(m, p.admit)
		return !ok || isFullForCaddy(m, limit)
	})
}

// counted returns upstreams with Caddy's counts, which it adds only to those of GetUpstreams. What
// it has never counted for begins with none.
func (p *Pool) counted(upstreams reverseproxy.UpstreamPool) reverseproxy.UpstreamPool {
	s := p.claim.Roster.Snapshot()
	for _, u := range upstreams {
		if m := s.Find(u.Dial); m != nil {
			u.Host, _ = m.Counts().(*reverseproxy.Host)
		}
		if u.Host == nil {
			u.Host = new(reverseproxy.Host)
		}
	}
	return upstreams
}
