package pool

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// GetUpstreams implements reverseproxy.UpstreamSource. It returns new values on every
// call: Caddy writes into them.
func (p *Pool) GetUpstreams(r *http.Request) ([]*reverseproxy.Upstream, error) {
	if err := p.await(r.Context()); err != nil {
		return nil, err
	}
	if p.picker != nil {
		if e, listed := p.picker.Pick(r); !listed {
			return p.only(e), nil
		}
	}
	return p.list(r), nil
}

// await waits for the first list of a pool that has none yet.
func (p *Pool) await(ctx context.Context) error {
	roster := p.claim.Roster
	if len(roster.Snapshot().Members) > 0 {
		return nil
	}
	select {
	case <-roster.Answered():
		return nil
	default:
	}
	timer := time.NewTimer(time.Until(p.expires))
	defer timer.Stop()
	select {
	case <-roster.Answered():
		return nil
	case <-ctx.Done():
		return fmt.Errorf("pool %q: the request ended while it waited for the first list of endpoints", p.Name)
	case <-timer.C:
		return fmt.Errorf("pool %q: no source has answered within %s", p.Name, time.Duration(p.InitialWait))
	}
}

// only makes the picked endpoint the one upstream of the request.
func (p *Pool) only(e *endpoint.Endpoint) []*reverseproxy.Upstream {
	if e == nil {
		p.empty.report(p)
		return nil
	}
	p.empty.clear()
	var one struct { // in one allocation
		upstream reverseproxy.Upstream
		list     [1]*reverseproxy.Upstream
	}
	one.upstream.Dial, one.list[0] = e.Address(), &one.upstream
	return one.list[:]
}

// list makes upstreams of all usable endpoints, without those that the request was at
// already while there are others.
func (p *Pool) list(r *http.Request) []*reverseproxy.Upstream {
	tries := p.transport.Attempts(r)
	snapshot := p.claim.Roster.Snapshot()
	usable := p.listFrom(snapshot, tries)
	if len(usable) == 0 && p.claim.Roster.CatchUp(snapshot) {
		usable = p.listFrom(p.claim.Roster.Snapshot(), tries)
	}
	if len(usable) == 0 {
		p.empty.report(p)
	} else {
		p.empty.clear()
	}
	return usable
}

func (p *Pool) listFrom(snapshot *endpoint.Snapshot, tries *attempt.RequestAttempts) []*reverseproxy.Upstream {
	usable := p.fromBands(snapshot, func(m *endpoint.Member) bool { return !tries.Tried(m.Endpoint) })
	if len(usable) == 0 && tries.Any() {
		usable = p.fromBands(snapshot, func(*endpoint.Member) bool { return true })
	}
	return usable
}

// fromBands lists the usable endpoints of one band, drawn by the bands' shares, or of the next that has any.
func (p *Pool) fromBands(s *endpoint.Snapshot, want func(*endpoint.Member) bool) []*reverseproxy.Upstream {
	drawn := s.Draw(rand.Float64())
	usable := p.usable(s, drawn, want)
	for i := 0; i < len(s.Bands) && len(usable) == 0; i++ {
		usable = p.usable(s, i, want)
	}
	return usable
}

func (p *Pool) usable(s *endpoint.Snapshot, band int, want func(*endpoint.Member) bool) []*reverseproxy.Upstream {
	members := s.Bands[band].Members
	values := make([]reverseproxy.Upstream, 0, len(members)) // one allocation for all
	upstreams := make([]*reverseproxy.Upstream, 0, len(members))
	for i := range members {
		m := &members[i]
		ok, limit := p.admit(m)
		if m.Is(s.HalfOpen) {
			limit = 1
		}
		if m.Weight == 0 || m.Is(s.Blocking) || !ok || limit > 0 && m.InFlight() >= limit || !want(m) {
			continue
		}
		values = values[:len(values)+1]
		u := &values[len(values)-1]
		u.Dial, u.MaxRequests = m.Address(), limit
		upstreams = append(upstreams, u)
	}
	return upstreams
}

// admit is Caddy's passive health checks, as far as they can be told before the pick,
// and the limit of requests.
func (p *Pool) admit(m *endpoint.Member) (ok bool, limit int) {
	limit = int(m.MaxRequests)
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
