package pool

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
)

// standInSelector selects the only upstream of a request that the pool refuses, because a policy
// may do more than that, such as set a cookie. For all others the policy of the handler selects.
type standInSelector struct {
	reverseproxy.Selector
	transport *attempt.Transport
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
	if len(pool) > 0 && s.transport.Attempts(r).IsRefused() {
		return pool[0]
	}
	return s.Selector.Select(pool, r, w)
}
