package pool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

// ServingOptions say which endpoints of a pool serve, and how requests are shared among them.
type ServingOptions struct {
	// Active checks of the endpoints. Default: none, so an endpoint serves as long as its source
	// lists it.
	HealthRaw json.RawMessage `json:"health,omitempty"`

	// Ejection of endpoints whose answers to real requests stand out. Default: none.
	OutlierRaw json.RawMessage `json:"outlier,omitempty"`

	// How long an endpoint that joins a running pool, recovers or is readmitted takes from a tenth
	// of its share to all of it, and of its limit of requests. Choose it for endpoints that must
	// warm up: caches, compilers, connections. At the start of a pool all endpoints are new, and
	// none is slowed. Default: 0, which gives each endpoint its whole share at once.
	SlowStart caddy.Duration `json:"slow_start,omitempty"`

	// The maximum number of requests in flight at each endpoint whose source gives it no limit of
	// its own, from 1 to 1000000. Further requests go to other endpoints; when all are full, see
	// `queue`. `slow_start` scales it. In layer 4 it limits connections. Default: no maximum.
	MaxRequests *int `json:"max_requests,omitempty"`

	// The minimum share of usable endpoints, in percent. Below it, health is ignored and all
	// endpoints that do not drain serve: if nearly all look dead, the check is more likely to be
	// wrong, and the few that are left could not carry the load. A priority with enough usable
	// endpoints prevents it. -1 never ignores health. Choose -1 for checks that tell roles apart,
	// such as Patroni's /primary, where no passing endpoint means that none may serve. Default: 0,
	// which ignores health only when no endpoint is usable.
	FailOpen float64 `json:"fail_open,omitempty"`

	// The zone of this proxy. Endpoints of the same zone are preferred as long as they can carry
	// the fair part of the zone, which is one part of as many as there are zones; what is beyond
	// that goes to zones with more than their part. Without a usable endpoint in the zone, the
	// setting has no effect. Placeholders such as {env.ZONE} are replaced when the config is
	// loaded. Default: none, so zones do not matter.
	Zone string `json:"zone,omitempty"`

	// Whether the weights follow what endpoints say of their load in their answers, in the formats
	// of ORCA: the header or trailer `endpoint-load-metrics-bin` of gRPC's servers, or
	// `endpoint-load-metrics` with a text such as `TEXT cpu_utilization=0.3,rps_fractional=120`,
	// with `JSON` and an object, or with `BIN`. The weight is the rate that the endpoint would
	// serve at full utilization: `rps_fractional` divided by the sum of the utilization and of the
	// share of errors (`eps` divided by `rps_fractional`). The utilization is
	// `application_utilization`, or else `cpu_utilization`. Endpoints that report share the sum of
	// their sources' weights in proportion to it. A report counts from 10s after the first one on,
	// and for 3m. It counts at most 4 times and at least a quarter of the median. A weight that an
	// operator or an agent has set stays. Clients do not see the reports. Choose it if other
	// clients or unequal machines make endpoints busy in ways that this proxy does not see. Source:
	// gRFC A51 and A58. Default: false.
	LoadReports bool `json:"load_reports,omitempty"`

	monitors []monitor
	watched  endpoint.Condition
}

// monitor sets conditions of a roster's endpoints until ctx ends. The modules for health and
// outliers implement it, so this package need not import them.
type monitor interface {
	Run(ctx context.Context, r *endpoint.Roster)

	// Conditions returns the conditions that the monitor sets.
	Conditions() endpoint.Condition
}

const (
	healthModule  = "http.reverse_proxy.upstreams.pool.health"
	outlierModule = "http.reverse_proxy.upstreams.pool.outlier"
	failOpenNever = -1 // the value of `fail_open off` in JSON
)

// options are the options of the pool's block that concern its endpoints.
func (s *ServingOptions) options() []caddyfile.Param {
	return []caddyfile.Param{
		caddyfile.Guest("health", healthModule, &s.HealthRaw),
		caddyfile.Guest("outlier", outlierModule, &s.OutlierRaw),
		caddyfile.Duration("slow_start", &s.SlowStart),
		caddyfile.Pointer(places, "max_requests", &s.MaxRequests),
		caddyfile.OrOff(caddyfile.Percent("fail_open", &s.FailOpen), &s.FailOpen, failOpenNever),
		caddyfile.String("zone", &s.Zone),
		caddyfile.Flag("load_reports", &s.LoadReports),
	}
}

// provision checks the settings and loads the monitors.
func (s *ServingOptions) provision(ctx caddy.Context) error {
	if err := options.AtLeastOrZero("slow_start", s.SlowStart, options.MinDuration); err != nil {
		return err
	}
	if err := checkPlaces("max_requests", s.MaxRequests); err != nil {
		return err
	}
	if s.FailOpen != failOpenNever && !(s.FailOpen >= 0 && s.FailOpen <= 100) {
		return fmt.Errorf("fail_open: %v is not a percentage from 0 to 100, or -1 for never", s.FailOpen)
	}
	if err := discovery.Resolve("zone", &s.Zone); err != nil {
		return err
	}
	if err := s.loadMonitors(ctx); err != nil {
		return err
	}
	for _, m := range s.monitors {
		if d, ok := m.(needsHealth); ok && d.NeedsHealth() && s.HealthRaw == nil {
			return errors.New("outlier: readmit: probe needs health checks, but the pool has none")
		}
	}
	return nil
}

func (s *ServingOptions) loadMonitors(ctx caddy.Context) error {
	s.watched = endpoint.Refused // which attempts find out
	for _, module := range []struct {
		field, id string
		raw       json.RawMessage
	}{{"health", healthModule, s.HealthRaw}, {"outlier", outlierModule, s.OutlierRaw}} {
		if module.raw == nil {
			continue
		}
		loaded, err := ctx.LoadModuleByID(module.id, module.raw)
		if err != nil {
			return fmt.Errorf("%s: %w", module.field, err)
		}
		m := loaded.(monitor)
		s.monitors = append(s.monitors, m)
		s.watched |= m.Conditions()
	}
	return nil
}

// needsHealth is a monitor that may depend on the results of health checks.
type needsHealth interface{ NeedsHealth() bool }

func (s *ServingOptions) rules() endpoint.Rules {
	return endpoint.Rules{
		Watched: s.watched, SlowStart: time.Duration(s.SlowStart), FailOpen: s.FailOpen / 100, Zone: s.Zone,
		LoadReports: s.LoadReports, MaxRequests: valueOr(s.MaxRequests, 0),
	}
}
