package pool

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/definition"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/metrics"
)

// Definition is what defines a pool, whatever sends traffic to it: the reverse proxy and the
// handler for layer 4 embed it. Equal definitions are one pool.
type Definition struct {
	// The name of the pool in logs, metrics and the admin API. Pools with the same name are the
	// same pool. Required.
	Name string `json:"name"`

	// Where the endpoints come from. At least one source is required. Several are merged; on a
	// duplicate address the first source wins.
	SourcesRaw []json.RawMessage `json:"sources" caddy:"namespace=http.reverse_proxy.upstreams.pool.sources inline_key=source"`

	// The maximum time that requests wait for the first list, counted from each load of the config.
	// After it, requests to a pool without any list fail at once, and the reverse proxy falls back
	// to its static upstreams if it has any. A pool that has a list, even an empty one, does not
	// wait. The minimum is 1ms. Default: 5s.
	InitialWait caddy.Duration `json:"initial_wait,omitempty"`

	FollowOptions
	EgressOptions
	ServingOptions
	LimitOptions

	// What Caddy's metrics say of the pool.
	Metrics *MetricsOptions `json:"metrics,omitempty"`

	resolved  definition.Resolved
	claim     *endpoint.Claim
	logger    *zap.Logger
	unusable  unusableReporter
	waitUntil time.Time // the end of the initial wait
}

const defaultInitialWait = 5 * time.Second

// Options are the options of the pool's block in a Caddyfile.
func (d *Definition) Options() []caddyfile.Param {
	return []caddyfile.Param{
		caddyfile.Modules("source", sourceNamespace, "source", &d.SourcesRaw),
		caddyfile.DurationFrom("initial_wait", &d.InitialWait, discovery.MinDuration),
		caddyfile.Group(d.FollowOptions.options()...),
		caddyfile.Group(d.EgressOptions.options()...),
		caddyfile.Group(d.ServingOptions.options()...),
		d.metricsOption(),
	}
}

// Acquire checks the settings and claims the pool until Release. The module that embeds the
// definition calls it in Provision. It does not wait for any source.
func (d *Definition) Acquire(ctx caddy.Context) error {
	d.logger = ctx.Logger()
	if err := d.check(); err != nil {
		return err
	}
	if err := d.acquire(ctx); err != nil {
		return err
	}
	return metrics.Register(ctx.GetMetricsRegistry())
}

// Release gives the claim back. It does nothing if there is none.
func (d *Definition) Release() {
	if d.unusable.stop != nil {
		d.unusable.stop()
	}
	if d.claim != nil {
		d.claim.Release()
	}
}

// Roster returns the list of the pool's endpoints.
func (d *Definition) Roster() *endpoint.Roster { return d.claim.Roster }

// check checks the settings that need no other module, and sets defaults.
func (d *Definition) check() error {
	if d.Name == "" {
		return fmt.Errorf("name: is missing; every pool has a name")
	}
	if len(d.SourcesRaw) == 0 {
		return fmt.Errorf("pool %q: sources: none given; expected at least one, such as static or file", d.Name)
	}
	if err := discovery.DefaultDuration("initial_wait", &d.InitialWait, defaultInitialWait); err != nil {
		return fmt.Errorf("pool %q: %w", d.Name, err)
	}
	if err := cmp.Or(d.FollowOptions.check(), d.LimitOptions.check()); err != nil {
		return fmt.Errorf("pool %q: %w", d.Name, err)
	}
	return nil
}

// PoolName returns the name of the pool. A source that needs it looks for this method on the
// modules of its context, so it need not import this package.
func (d *Definition) PoolName() string { return d.Name }
