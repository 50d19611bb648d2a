package pool

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/definition"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/metrics"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(Pool)) }

// Pool is a named set of endpoints. Sources list the endpoints, and the pool follows the sources in
// the background, so requests never wait for a look-up. What is known of an endpoint, such as its
// health, its latency and its requests in flight, survives changes of the list and reloads of the
// config.
//
// The same pool may stand in several places of a config. All of its definitions must then be equal,
// and they share one set of sources; a difference is an error. A reload that does not change the
// definition does not disturb the pool. A reload that changes it starts with the list of the
// previous definition. The values of placeholders count, and so do the contents of files that the
// definition names, such as certificates: a reload takes up what was rotated.
//
// A pool lets the selection policy of its reverse proxy pick among its endpoints, so a request
// costs the same for any number of endpoints. With Caddy's own policies, and below `dynamic multi`,
// it lists all usable endpoints on every request, as any upstream source does. Without an
// `lb_policy` it uses `adaptive_latency`.
type Pool struct {
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

	// What Caddy's metrics say of the pool.
	Metrics *MetricsOptions `json:"metrics,omitempty"`

	resolved  definition.Resolved
	handler   *reverseproxy.Handler
	transport *attempt.Transport
	claim     *endpoint.Claim
	logger    *zap.Logger
	unusable  unusableReporter
	waitUntil time.Time // the end of the initial wait

	// picker is nil if the handler's policy needs the whole list.
	picker endpoint.Picker

	// sticky chooses the band for requests that the handler's policy keeps together.
	sticky []bandChooser
}

const defaultInitialWait = 5 * time.Second

// CaddyModule returns the Caddy module information.
func (*Pool) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool",
		New: func() caddy.Module { return new(Pool) },
	}
}

// UnmarshalJSON refuses zeros that would become defaults.
func (p *Pool) UnmarshalJSON(data []byte) error {
	type fields Pool
	return options.Decode(data, (*fields)(p), "initial_wait", "max_endpoints")
}

// UnmarshalCaddyfile sets up the pool from Caddyfile tokens. Syntax:
//
//	dynamic pool <name> {
//	    source          <source> ...
//	    initial_wait    <duration>
//	    max_loss        <percent>%
//	    empty_grace     <duration>
//	    removal_grace   <duration>
//	    update_interval <duration>
//	    max_endpoints   <number>
//	    persist         on|off|<name>
//	    allow           <networks...>
//	    deny            <networks...>
//	    health          { ... }
//	    outlier         { ... }
//	    slow_start      <duration>
//	    fail_open       <percent>|off
//	    zone            <name>
//	    metrics         { ... }
//	}
func (p *Pool) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d,
		caddyfile.String("name", &p.Name),
		caddyfile.Block(
			caddyfile.Modules("source", "http.reverse_proxy.upstreams.pool.sources", "source", &p.SourcesRaw),
			caddyfile.DurationFrom("initial_wait", &p.InitialWait, discovery.MinDuration),
			caddyfile.Group(p.FollowOptions.options()...),
			caddyfile.Group(p.EgressOptions.options()...),
			caddyfile.Group(p.ServingOptions.options()...),
			p.metricsOption(),
		),
	)
}

// Provision implements caddy.Provisioner. It does not wait for any source, because `caddy validate`
// provisions modules too.
func (p *Pool) Provision(ctx caddy.Context) error {
	p.logger = ctx.Logger()
	if err := p.check(); err != nil {
		return err
	}
	if err := p.acquire(ctx); err != nil {
		return err
	}
	if err := metrics.Register(ctx.GetMetricsRegistry()); err != nil {
		return err
	}
	var err error
	if p.transport, p.handler, err = attempt.Install(ctx); err != nil {
		return err
	}
	if p.transport != nil {
		p.transport.Observe(p.claim.Roster)
		p.compareProxyHeaders()
		if p.handler.LoadBalancing != nil {
			p.sticky = bandChoosersFor(p.handler.LoadBalancing.SelectionPolicy)
		}
		return p.attachPolicy(ctx)
	}
	return nil
}

// check checks the settings that need no other module, and sets defaults.
func (p *Pool) check() error {
	if p.Name == "" {
		return fmt.Errorf("name: is missing; every pool has a name")
	}
	if len(p.SourcesRaw) == 0 {
		return fmt.Errorf("pool %q: sources: none given; expected at least one, such as static or file", p.Name)
	}
	if err := discovery.DefaultDuration("initial_wait", &p.InitialWait, defaultInitialWait); err != nil {
		return fmt.Errorf("pool %q: %w", p.Name, err)
	}
	if err := p.FollowOptions.check(); err != nil {
		return fmt.Errorf("pool %q: %w", p.Name, err)
	}
	return nil
}

// attachPolicy makes the handler's policy pick from the roster, if the policy is able to.
func (p *Pool) attachPolicy(ctx caddy.Context) error {
	modules := ctx.Modules()
	if len(modules) < 2 || modules[len(modules)-2] != caddy.Module(p.handler) {
		return nil // below another source, which needs a list
	}
	if p.handler.LoadBalancing == nil {
		p.handler.LoadBalancing = new(reverseproxy.LoadBalancing)
	}
	if p.handler.LoadBalancing.SelectionPolicy == nil {
		module, err := ctx.LoadModuleByID("http.reverse_proxy.selection_policies.adaptive_latency", nil)
		if err != nil {
			return fmt.Errorf("pool %q: loading the default policy: %w", p.Name, err)
		}
		p.handler.LoadBalancing.SelectionPolicy = module.(reverseproxy.Selector)
	}
	if policy, ok := p.handler.LoadBalancing.SelectionPolicy.(endpoint.Policy); ok {
		p.picker = policy.NewPicker(p.claim.Roster, p.admit)
	}
	return nil
}

// PoolName returns the name of the pool. A source that needs it looks for this method on the
// modules of its context, so it need not import this package.
func (p *Pool) PoolName() string { return p.Name }

// Cleanup implements caddy.CleanerUpper.
func (p *Pool) Cleanup() error {
	if p.picker != nil {
		p.picker.Stop()
	}
	if p.unusable.stop != nil {
		p.unusable.stop()
	}
	if p.claim != nil {
		p.claim.Release()
	}
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Pool)(nil)
	_ caddy.CleanerUpper          = (*Pool)(nil)
	_ caddyfile.Unmarshaler       = (*Pool)(nil)
	_ reverseproxy.UpstreamSource = (*Pool)(nil)
)
