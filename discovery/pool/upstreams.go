package pool

import (
	"math/rand/v2"
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// GetUpstreams implements reverseproxy.UpstreamSource. With a policy that can pick from the roster
// it returns the picked endpoint, and otherwise all usable endpoints. It returns new values on
// every call, because Caddy writes into them.
func (p *Pool) GetUpstreams(r *http.Request) ([]*reverseproxy.Upstream, error) {
	if err := p.AwaitFirstList(r.Context()); err != nil {
		p.claim.Pool.CountUnserved()
		if p.handler != nil && len(p.handler.Upstreams) == 0 && p.transport.Attempts(r).FoundNoList() {
			return nil, nil // Caddy asks again for a retry, and would log the error each time
		}
		return nil, err
	}
	upstreams, refused := p.limitedUpstreams(r)
	if len(upstreams) == 0 {
		p.CountUnserved(p.admit)
	} else if !refused {
		p.CountServed()
	}
	return upstreams, nil
}

// findUpstreams returns what GetUpstreams does, whatever the limits of the pool.
func (p *Pool) findUpstreams(r *http.Request) []*reverseproxy.Upstream {
	if p.picker != nil {
		if e, listed := p.picker.Pick(r); !listed {
			return p.pickedUpstreams(r, e)
		}
	}
	return p.usableUpstreams(r)
}

// pickedUpstreams returns the picked endpoint as the only upstream of the request, or as the first
// one if Caddy may object to it. e is nil if no endpoint can take the request.
func (p *Pool) pickedUpstreams(r *http.Request, e *endpoint.Endpoint) []*reverseproxy.Upstream {
	if e == nil {
		return nil
	}
	var one struct { // both in one allocation
		upstream reverseproxy.Upstream
		list     [1]*reverseproxy.Upstream
	}
	one.upstream.Dial, one.list[0] = e.Address(), &one.upstream
	if p.isUncounted(e) {
		return append(one.list[:], p.alternatives(r, e)...)
	}
	return one.list[:]
}

// usableUpstreams returns all usable endpoints. It leaves out the endpoints that the request has
// tried, as long as others are left.
func (p *Pool) usableUpstreams(r *http.Request) []*reverseproxy.Upstream {
	attempts := p.transport.Attempts(r)
	snapshot := p.claim.Roster.Snapshot()
	usable := p.untried(r, snapshot, attempts)
	if len(usable) == 0 && p.claim.Roster.CatchUp(snapshot) {
		usable = p.untried(r, p.claim.Roster.Snapshot(), attempts)
	}
	usable = p.withSession(r, usable)
	return usable
}

// untried returns the usable endpoints that the request has not tried, or all usable ones if it has
// tried each.
func (p *Pool) untried(
	r *http.Request, snapshot *endpoint.Snapshot, attempts *attempt.RequestAttempts,
) []*reverseproxy.Upstream {
	usable, spill := p.fromBands(r, snapshot, func(m *endpoint.Member) bool { return !attempts.Tried(m.Endpoint) })
	if len(usable) == 0 && attempts.Any() {
		usable, spill = p.fromBands(r, snapshot, func(*endpoint.Member) bool { return true })
	}
	attempts.Note(spill)
	return usable
}

// fromBands returns the usable endpoints of one band, because a policy of Caddy's knows no bands.
// If the drawn band has no usable endpoint, the first band that has one takes its place.
func (p *Pool) fromBands(
	r *http.Request, s *endpoint.Snapshot, want func(*endpoint.Member) bool,
) (usable []*reverseproxy.Upstream, spill endpoint.PickReason) {
	band := p.drawBand(r, s, want)
	usable = p.usable(s, band, want)
	for i := 0; i < len(s.Bands) && len(usable) == 0; i++ {
		band = i
		usable = p.usable(s, i, want)
	}
	return usable, s.Bands[band].Spill
}

// drawBand returns the index of the band for a request, so that each band gets its share. Requests
// that the policy keeps together are in the same band.
func (p *Pool) drawBand(r *http.Request, s *endpoint.Snapshot, want func(*endpoint.Member) bool) int {
	if len(s.Bands) == 1 {
		return 0
	}
	usable := func(m *endpoint.Member) bool {
		ok, _ := s.Usable(m, p.admit)
		return ok && want(m)
	}
	for _, choose := range p.sticky {
		if band := choose(r, s, usable); band >= 0 {
			return band
		}
	}
	return s.Draw(rand.Float64())
}

// usable returns the usable and wanted endpoints of one band.
func (p *Pool) usable(s *endpoint.Snapshot, band int, want func(*endpoint.Member) bool) []*reverseproxy.Upstream {
	members := s.Bands[band].Members
	values := make([]reverseproxy.Upstream, 0, len(members)) // one allocation for all of them
	upstreams := make([]*reverseproxy.Upstream, 0, len(members))
	admit := p.admit // a method value in the loop would be an allocation for each member
	for i := range members {
		m := &members[i]
		ok, limit := s.Usable(m, admit)
		if !ok || !want(m) || isFullForCaddy(m, limit) {
			continue
		}
		values = values[:len(values)+1]
		u := &values[len(values)-1]
		u.Dial, u.MaxRequests = m.Address(), limit
		upstreams = append(upstreams, u)
	}
	return upstreams
}

// isFullForCaddy reports whether a policy of Caddy's would find that the endpoint has no room. Its
// own count ends later than ours.
func isFullForCaddy(m *endpoint.Member, limit int) bool {
	return limit > 0 && m.Counts() != nil && m.Counts().NumRequests() >= limit
}

// admit reports whether Caddy's passive checks allow a request to the endpoint, and returns the
// limit of requests in flight; 0 is no limit. Caddy applies these checks to the upstreams that it
// gets, so an endpoint that fails them must not be picked.
func (p *Pool) admit(m *endpoint.Member) (ok bool, limit int) {
	limit = m.MostRequests(p.limits.adaptive)
	if p.RetryAfter != nil && m.IsPaused() {
		return false, limit
	}
	if p.handler == nil || p.handler.HealthChecks == nil || p.handler.HealthChecks.Passive == nil {
		return true, limit
	}
	passive := p.handler.HealthChecks.Passive
	if limit == 0 {
		limit = m.Limited(passive.UnhealthyRequestCount)
	}
	counts := m.Counts()
	if counts == nil {
		return true, limit
	}
	return counts.Fails() < max(passive.MaxFails, 1) && (limit == 0 || counts.NumRequests() < limit), limit
}
