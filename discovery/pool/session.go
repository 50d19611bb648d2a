package pool

import (
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// followSessions finds out whether the handler's policy keeps sessions, for a pool that lists its
// endpoints.
func (p *Pool) followSessions() {
	if p.handler.LoadBalancing == nil {
		return
	}
	if keeper, ok := p.handler.LoadBalancing.SelectionPolicy.(endpoint.SessionKeeper); ok {
		p.findSession, p.stopSessions = keeper.FollowSessions(p.claim.Roster, p.admit)
	}
}

// withSession adds the endpoint that has the session of a request to those that get new requests.
func (p *Pool) withSession(r *http.Request, usable []*reverseproxy.Upstream) []*reverseproxy.Upstream {
	if p.findSession == nil {
		return usable
	}
	m := p.findSession(r)
	if m == nil {
		return usable
	}
	for _, u := range usable {
		if u.Dial == m.Address() {
			return usable
		}
	}
	_, limit := p.admit(m)
	return append(usable, &reverseproxy.Upstream{Dial: m.Address(), MaxRequests: limit})
}
