package simulation

import (
	"context"
	"errors"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/healthprobe"
)

func init() { caddy.RegisterModule(probe{}) }

// probe checks the backends of a fleet, for pools.
type probe struct {
	Fleet string `json:"fleet"`

	fleet *fleet
}

func (probe) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.probes.simulated",
		New: func() caddy.Module { return new(probe) },
	}
}

func (p *probe) Provision(caddy.Context) (err error) {
	p.fleet, err = runningFleet(p.Fleet)
	return err
}

// Check sees a backend's fault after a millisecond, and nothing else: a backend is not busy for checks.
func (p *probe) Check(ctx context.Context, t *healthprobe.Target) error {
	if err := sleep(ctx, time.Millisecond); err != nil {
		return err
	}
	if p.fleet.backends[p.fleet.addresses[t.Address]].fault.Load() != nil {
		return errors.New("it has a fault")
	}
	return nil
}
