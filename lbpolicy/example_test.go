package lbpolicy_test

import (
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/lbpolicy"
)

// Lightest is a policy of another module. It selects the usable endpoint with the fewest requests
// in flight per weight.
type Lightest struct {
	transport *lbpolicy.Transport
}

// Provision implements caddy.Provisioner.
func (l *Lightest) Provision(ctx caddy.Context) (err error) {
	l.transport, err = lbpolicy.Install(ctx)
	return err
}

// Select implements reverseproxy.Selector, for static upstreams and for the pick of a pool.
func (l *Lightest) Select(
	upstreams reverseproxy.UpstreamPool, _ *http.Request, _ http.ResponseWriter,
) *reverseproxy.Upstream {
	var best *reverseproxy.Upstream
	for _, u := range upstreams {
		if u.Available() && (best == nil || u.NumRequests() < best.NumRequests()) {
			best = u
		}
	}
	return best
}

// NewPicker implements lbpolicy.Policy, for pools.
func (l *Lightest) NewPicker(r *lbpolicy.Roster, admit lbpolicy.Admit) lbpolicy.Picker {
	return &lightestPicker{transport: l.transport, roster: r, admit: admit}
}

type lightestPicker struct {
	transport *lbpolicy.Transport
	roster    *lbpolicy.Roster
	admit     lbpolicy.Admit
}

// Pick implements lbpolicy.Picker.
func (p *lightestPicker) Pick(r *http.Request) (e *lbpolicy.Endpoint, listed bool) {
	attempts, s := p.transport.Attempts(r), p.roster.Snapshot()
	for untriedOnly := attempts.Any(); ; untriedOnly = false {
		for _, band := range s.Bands {
			best, limit := p.lightest(s, band, attempts, untriedOnly)
			if best != nil && attempts.Take(best, limit) {
				return best, false
			}
		}
		if !untriedOnly {
			return nil, false
		}
	}
}

func (p *lightestPicker) lightest(
	s *lbpolicy.Snapshot, band lbpolicy.Band, attempts *lbpolicy.RequestAttempts, untriedOnly bool,
) (best *lbpolicy.Endpoint, limit int) {
	var least float64
	for i := range band.Members {
		m := &band.Members[i]
		ok, n := s.Usable(m, p.admit)
		if !ok || untriedOnly && attempts.Tried(m.Endpoint) {
			continue
		}
		if load := float64(m.InFlight()+1) / float64(m.Weight); best == nil || load < least {
			best, limit, least = m.Endpoint, n, load
		}
	}
	return best, limit
}

// Stop implements lbpolicy.Picker.
func (p *lightestPicker) Stop() {}

// A policy of another module implements Policy, so that a pool lets it pick. Here a pool of three
// endpoints has three requests in flight.
func ExamplePolicy() {
	var policy lbpolicy.Policy = new(Lightest)
	roster, release := busyRoster() // a pool passes its roster
	defer release()

	picker := policy.NewPicker(roster, nil)
	defer picker.Stop()
	e, listed := picker.Pick(nil)
	fmt.Println(e.Address(), listed)
	// Output: 10.0.0.2:80 false
}

// A snapshot says which members may get a request now. A member of weight 0 drains.
func ExampleSnapshot() {
	roster, release := busyRoster()
	defer release()

	s := roster.Snapshot()
	admit := func(m *lbpolicy.Member) (ok bool, limit int) { return true, int(m.MaxRequests) }
	for i := range s.Bands[0].Members {
		m := &s.Bands[0].Members[i]
		ok, limit := s.Usable(m, admit)
		fmt.Println(m.Address(), m.Weight, m.InFlight(), ok, limit)
	}
	// Output:
	// 10.0.0.1:80 1 1 false 1
	// 10.0.0.2:80 4 2 true 0
	// 10.0.0.3:80 0 0 false 0
}

func busyRoster() (_ *lbpolicy.Roster, release func()) {
	roster, releaseRoster := endpoint.AcquireStatic()
	roster.Replace([]listing.Info{
		{Address: "10.0.0.1:80", Weight: 1, MaxRequests: 1},
		{Address: "10.0.0.2:80", Weight: 4},
		{Address: "10.0.0.3:80", Weight: 0},
	})
	reserved := []int{1, 2, 0}
	members := roster.Snapshot().Members
	for i, n := range reserved {
		for range n {
			members[i].Reserve(0)
		}
	}
	return roster, func() {
		for i, n := range reserved {
			for range n {
				members[i].Release()
			}
		}
		releaseRoster()
	}
}
