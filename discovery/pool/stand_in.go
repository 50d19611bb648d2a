package pool

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// standInSelector selects the only upstream of a request that the pool refuses, because a policy
// may do more than that, such as set a cookie. For all others the policy of the handler selects.
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
	u := attempts.SelectListed(s.Selector.Select, pool, r, w, s.find)
	if u == nil {
		attempts.LeaveAtLast()
	}
	attempts.Place().Found()
	return u
}

// find returns the endpoint of an upstream, nil if the pool has none.
func (s *standInSelector) find(u *reverseproxy.Upstream) *endpoint.Endpoint {
	if m := s.pool.claim.Roster.Snapshot().Find(u.Dial); m != nil {
		return m.Endpoint
	}
	return nil
}
