package simulation

import (
	"context"
	"sync"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// membership is the part of a fleet's backends that pools discover.
type membership struct {
	mu      sync.Mutex
	members span
	changed chan struct{} // closed by the next change
}

// span is a range of backends, from the first to before the last, counted from 0.
type span struct{ from, to int }

// get returns the members, and a channel that is closed by their next change.
func (m *membership) get() (members span, changed <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.members, m.changed
}

func (m *membership) set(n int) { m.setRange(0, n) }

func (m *membership) setRange(from, to int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.changed != nil {
		close(m.changed)
	}
	m.members, m.changed = span{from, to}, make(chan struct{})
}

func init() { caddy.RegisterModule(source{}) }

// source is a pool source that reports the members of a fleet.
type source struct {
	Fleet string `json:"fleet"`
	Proxy int    `json:"proxy"`

	fleet *fleet
}

func (source) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.sources.simulated",
		New: func() caddy.Module { return new(source) },
	}
}

func (s *source) Provision(caddy.Context) (err error) {
	s.fleet, err = runningFleet(s.Fleet)
	return err
}

func (s *source) Run(ctx context.Context, report discovery.Report) error {
	for {
		members, changed := s.fleet.membership.get()
		list, err := s.list(members)
		if err != nil {
			return err
		}
		report(discovery.Answer{Endpoints: list, Authoritative: true})
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *source) list(members span) (list []listing.Info, err error) {
	for i, dial := range s.fleet.dials[s.Proxy][members.from:members.to] {
		place := [...]string{"even", "odd"}[(members.from+i)%2]
		info := listing.Info{Address: dial, Weight: 1, Metadata: map[string]string{"place": place}}
		if err := info.Normalize(); err != nil {
			return nil, err
		}
		list = append(list, info)
	}
	return list, nil
}
