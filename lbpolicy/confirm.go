package lbpolicy

import (
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// confirm lets Caddy object to what was picked from a pool, by its circuit breaker and by the
// failures that it counted. The offer begins with the pick. If Caddy's counts of the pick were not
// known yet, alternatives follow.
func (s *selector) confirm(
	offer reverseproxy.UpstreamPool, r *http.Request, attempts *attempt.RequestAttempts,
) *reverseproxy.Upstream {
	picked := attempts.Picked()
	picked.SetCounts(offer[0].Host)
	s.picker.setCounts(offer[1:])
	if offer[0].Healthy() {
		// The pick has reserved a place within this limit. It is set only now, because a place may
		// be free for a moment before Caddy counts so.
		offer[0].MaxRequests = s.picker.limitOf(picked)
		return offer[0]
	}
	attempts.Abandon()
	return s.picker.pickAmong(offer[1:], r, attempts)
}

// setCounts stores where Caddy counts for the endpoints of a pool. Until then their picks go by no
// counts.
func (p *rosterPicker) setCounts(offer reverseproxy.UpstreamPool) {
	for _, u := range offer {
		if m := p.roster.Snapshot().Find(u.Dial); m != nil {
			m.SetCounts(u.Host)
		}
	}
}

// limitOf returns the limit of requests in flight of an endpoint, 0 if there is none.
func (p *rosterPicker) limitOf(e *endpoint.Endpoint) (limit int) {
	if m := p.roster.Snapshot().Find(e.Address()); m != nil && p.admit != nil {
		_, limit = p.admit(m)
	}
	return limit
}

// pickAmong picks one of the offered upstreams, as the policy would if there were no others.
func (p *rosterPicker) pickAmong(
	offer reverseproxy.UpstreamPool, r *http.Request, attempts *attempt.RequestAttempts,
) *reverseproxy.Upstream {
	if len(offer) == 0 {
		return nil
	}
	among := &rosterPicker{selector: p.selector, roster: p.roster}
	among.current.Store(p.current.Load())
	among.stopped.Store(p.stopped.Load())
	among.admit = func(m *endpoint.Member) (ok bool, limit int) {
		if indexOf(offer, m.Endpoint) < 0 {
			return false, 0
		}
		return p.admit(m)
	}
	e, _ := among.Pick(r)
	if e == nil {
		return nil
	}
	if u := offer[indexOf(offer, e)]; u.Healthy() {
		return u
	}
	attempts.Abandon()
	return nil
}

func indexOf(offer reverseproxy.UpstreamPool, e *endpoint.Endpoint) int {
	return slices.IndexFunc(offer, func(u *reverseproxy.Upstream) bool { return u.Dial == e.Address() })
}
