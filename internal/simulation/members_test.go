package simulation

import (
	"net/http"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// membership is how many of the fleet's backends, from the first on, the proxies may know.
type membership struct {
	mu      sync.Mutex
	members int
}

func (m *membership) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.members
}

func (m *membership) set(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.members = n
}

func init() { caddy.RegisterModule(lister{}) }

// lister is a dynamic source that lists the members of a fleet.
type lister struct {
	Fleet string `json:"fleet"`
	Proxy int    `json:"proxy"`

	fleet *fleet
}

func (lister) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.simulated",
		New: func() caddy.Module { return new(lister) },
	}
}

func (l *lister) Provision(caddy.Context) (err error) {
	l.fleet, err = runningFleet(l.Fleet)
	return err
}

func (l *lister) GetUpstreams(*http.Request) ([]*reverseproxy.Upstream, error) {
	upstreams := make([]*reverseproxy.Upstream, l.fleet.membership.count())
	for i := range upstreams {
		upstreams[i] = &reverseproxy.Upstream{Dial: l.fleet.dials[l.Proxy][i]}
	}
	return upstreams, nil
}
