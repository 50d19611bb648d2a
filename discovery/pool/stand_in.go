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
// may do more than that, such as set a cookie. For all others the policy of the handler selects.
type standInSelector struct {
	reverseproxy.Selector
	transport *attempt.Transport
	reserves  *endpoint.Roster // where what is selected gets a place; nil if places are not exact
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
	attempts := s.transport.Attempts(r)
	if len(pool) > 0 && attempts.IsRefused() {
		return pool[0]
	}
	if s.reserves == nil || attempts == nil {
		return s.Selector.Select(pool, r, w)
	}
	u := s.selectReserved(pool, r, w, attempts)
	if u == nil {
		attempts.LeaveAtLast()
	}
	attempts.Place().Found()
	return u
}

// selectReserved lets the policy select until there is a place at what it selects. A policy of
// Caddy's goes by counts that another request may be about to raise.
func (s *standInSelector) selectReserved(
	pool reverseproxy.UpstreamPool, r *http.Request, w http.ResponseWriter, attempts *attempt.RequestAttempts,
) *reverseproxy.Upstream {
	cookies := len(w.Header()[setCookie])
	for {
		u := s.Selector.Select(pool, r, w)
		if u == nil || s.reserve(u, attempts) {
			return u
		}
		pool = slices.DeleteFunc(slices.Clone(pool), func(other *reverseproxy.Upstream) bool { return other == u })
		if set := w.Header()[setCookie]; len(set) > cookies {
			w.Header()[setCookie] = set[:cookies] // Caddy's policy cookie adds one for each that it selects
		}
	}
}

const setCookie = "Set-Cookie"

// reserve makes the request have a place at an upstream, and reports whether it has one. Those that
// our policies have picked have theirs.
func (s *standInSelector) reserve(u *reverseproxy.Upstream, attempts *attempt.RequestAttempts) bool {
	if e := attempts.Picked(); e != nil && e.Address() == u.Dial {
		return true
	}
	m := s.reserves.Snapshot().Find(u.Dial)
	return m == nil || attempts.TakeListed(m.Endpoint, u.MaxRequests)
}
