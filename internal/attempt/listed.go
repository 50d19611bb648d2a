package attempt

import (
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// SelectListed lets a policy that tracks nothing select from a list, until there is a place at what
// it selects. Such a policy goes by counts that another request may be about to raise. find returns
// the endpoint of an upstream, nil if there is none.
func (a *RequestAttempts) SelectListed(
	selects func(reverseproxy.UpstreamPool, *http.Request, http.ResponseWriter) *reverseproxy.Upstream,
	pool reverseproxy.UpstreamPool, r *http.Request, w http.ResponseWriter,
	find func(*reverseproxy.Upstream) *endpoint.Endpoint,
) *reverseproxy.Upstream {
	cookies := 0
	if w != nil {
		cookies = len(w.Header()[setCookie])
	}
	for {
		u := selects(pool, r, w)
		if u == nil || a.hasPicked(u) || a.takeListed(find(u), u.MaxRequests) {
			return u
		}
		a.overtaken = true
		pool = slices.DeleteFunc(slices.Clone(pool), func(other *reverseproxy.Upstream) bool { return other == u })
		if w != nil && len(w.Header()[setCookie]) > cookies {
			// Caddy's policy cookie adds one for each that it selects.
			w.Header()[setCookie] = w.Header()[setCookie][:cookies]
		}
	}
}

const setCookie = "Set-Cookie"

// hasPicked reports whether the policy has reserved the place at what it selects, as ours do.
func (a *RequestAttempts) hasPicked(u *reverseproxy.Upstream) bool {
	e := a.Picked()
	return e != nil && e.Address() == u.Dial
}

// takeListed reserves a place at what a policy has selected. The limit of the endpoint is exact
// only if requests wait for a place: without a queue, it is as exact as Caddy's.
func (a *RequestAttempts) takeListed(e *endpoint.Endpoint, limit int) bool {
	if e == nil {
		return true
	}
	if a.transport.gate == nil {
		limit = 0
	}
	if !e.Reserve(limit) {
		return false
	}
	a.Begin(e)
	return true
}

// Overtaken reports whether another request has taken the last place at an endpoint that a policy
// selected for this one, since the last call.
func (a *RequestAttempts) Overtaken() (overtaken bool) {
	overtaken, a.overtaken = a.overtaken, false
	return overtaken
}
