package simulation

import (
	"context"
	"errors"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/healthprobe"
)

func init() { caddy.RegisterModule(probe{}) }

// probe is a health probe that reads the faults of a fleet's backends.
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

// Check fails after a millisecond if the backend has a fault. The load of the backend does not
// delay it.
func (p *probe) Check(ctx context.Context, t *healthprobe.Target) error {
	if err := sleep(ctx, time.Millisecond); err != nil {
		return err
	}
	if p.fleet.backends[p.fleet.addresses[t.Address]].fault.Load() != nil {
		return errors.New("it has a fault")
	}
	return nil
}
