package pool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// Serving is which of a pool's endpoints serve, and how much each of them gets.
type ServingOptions struct {
	// Active checks of the endpoints. Default: none.
	HealthRaw json.RawMessage `json:"health,omitempty"`

	// Ejection of endpoints whose answers to real requests stand out. Default: none.
	OutlierRaw json.RawMessage `json:"outlier,omitempty"`

	// How long an endpoint that joins a running pool, recovers or is readmitted takes from a tenth of its share to all of
	// it, and of its limit of requests. It is for endpoints that must warm up: caches, compilers, connections. At
	// the start of a pool, when all are new, nothing ramps. Default: 0, which is off.
	SlowStart caddy.Duration `json:"slow_start,omitempty"`

	// The share of usable endpoints, in percent, below which health is ignored and all that do not drain
	// serve: if nearly all look dead, it is more likely the check that is wrong, and the few that are left would not
	// carry the load. Endpoints of a priority that has enough usable ones prevent it. -1 is never, for checks that tell roles
	// (such as Patroni's /primary), where none means none. Default: 0, which is only when none is left.
	FailOpen float64 `json:"fail_open,omitempty"`

	// The zone that this proxy runs in. Endpoints of the same zone are preferred as long as they can carry their fair part,
	// which is one part of as many as there are zones; what is beyond that goes to zones with more than their part.
	// If none in the zone is usable, it does not matter. Placeholders such as {env.ZONE} are replaced when the config is loaded. Default: none.
	Zone string `json:"zone,omitempty"`

	monitors []monitor
	watched  endpoint.Condition
}

// minder looks after the endpoints of a roster until ctx ends, and sets the conditions that it says.
type monitor interface {
	Run(ctx context.Context, r *endpoint.Roster)
	Conditions() endpoint.Condition
}

const (
	healthModule  = "http.reverse_proxy.upstreams.pool.health"
	outlierModule = "http.reverse_proxy.upstreams.pool.outlier"
	failOpenNever = -1
)

func (s *ServingOptions) options() []caddyfile.Param {
	return []caddyfile.Param{
		caddyfile.Guest("health", healthModule, &s.HealthRaw),
		caddyfile.Guest("outlier", outlierModule, &s.OutlierRaw),
		caddyfile.Duration("slow_start", &s.SlowStart),
		caddyfile.OrOff(caddyfile.Percent("fail_open", &s.FailOpen), &s.FailOpen, failOpenNever),
		caddyfile.String("zone", &s.Zone),
	}
}

func (s *ServingOptions) provision(ctx caddy.Context) error {
	if s.SlowStart < 0 {
		return fmt.Errorf("slow_start: %s is negative", time.Duration(s.SlowStart))
	}
	if s.FailOpen != failOpenNever && !(s.FailOpen >= 0 && s.FailOpen <= 100) {
		return fmt.Errorf("fail_open: %v is not a percentage from 0 to 100, or -1 for never", s.FailOpen)
	}
	if err := discovery.Resolve("zone", &s.Zone); err != nil {
		return err
	}
	for _, guest := range []struct {
		field, id string
		raw       json.RawMessage
	}{{"health", healthModule, s.HealthRaw}, {"outlier", outlierModule, s.OutlierRaw}} {
		if guest.raw == nil {
			continue
		}
		module, err := ctx.LoadModuleByID(guest.id, guest.raw)
		if err != nil {
			return fmt.Errorf("%s: %v", guest.field, err)
		}
		m := module.(monitor)
		s.monitors = append(s.monitors, m)
		s.watched |= m.Conditions()
	}
	for _, m := range s.monitors {
		if d, ok := m.(needsHealth); ok && d.NeedsHealth() && s.HealthRaw == nil {
			return errors.New("outlier: readmit: probe needs health checks, but the pool has none")
		}
	}
	return nil
}

// dependent is a minder that may need another one.
type needsHealth interface{ NeedsHealth() bool }

func (s *ServingOptions) rules() endpoint.Rules {
	return endpoint.Rules{Watched: s.watched, SlowStart: time.Duration(s.SlowStart), FailOpen: s.FailOpen / 100, Zone: s.Zone}
}

// emitter is how events reach Caddy's events app.
func emitter(ctx caddy.Context) (func(name string, data map[string]any), error) {
	app, err := ctx.App("events")
	if err != nil {
		return nil, fmt.Errorf("loading the events app: %v", err)
	}
	return func(name string, data map[string]any) { app.(*caddyevents.App).Emit(ctx, name, data) }, nil
}
