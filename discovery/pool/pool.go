package pool

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

func init() { caddy.RegisterModule(new(Pool)) }

// Pool is a named set of endpoints that sources discover and keep up to date, off the
// request path. What is known of an endpoint (its latency, what is in flight) stays
// through changes of the list and reloads of the config.
//
// The same pool may be used in several places of a config if it is defined equally
// in all of them; it then has one set of sources. A reload that does not change the definition
// does not disturb them; one that does starts from the list there was.
//
// A pool lets the selection policy of its reverse proxy pick among its endpoints, so a
// request costs the same however many there are. For Caddy's own policies, and below `dynamic
// multi`, it lists all usable endpoints on every request, as any upstream source does. Without an
// `lb_policy` it uses `adaptive_latency`.
type Pool struct {
	// The name of the pool, which stands for it in logs, metrics and the admin API. Required.
	Name string `json:"name"`

	// Where the endpoints come from, at least one. Several are merged; on a duplicate address the first
	// one wins.
	SourcesRaw []json.RawMessage `json:"sources" caddy:"namespace=http.reverse_proxy.upstreams.pool.sources inline_key=source"`

	// How long requests wait for the first list, counted from when the pool was first used.
	// After that, a pool that has no list fails, and the reverse proxy falls back to its static
	// upstreams if it has any. Default: 5s.
	InitialWait caddy.Duration `json:"initial_wait,omitempty"`

	FollowOptions
	ServingOptions

	handler   *reverseproxy.Handler
	transport *attempt.Transport
	claim     *endpoint.Claim
	logger    *zap.Logger
	empty     unusableReporter
	expires   time.Time // of the initial wait

	// nil if the handler's policy has to see the list.
	picker endpoint.Picker
}

const defaultInitialWait = 5 * time.Second

// CaddyModule returns the Caddy module information.
func (*Pool) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool",
		New: func() caddy.Module { return new(Pool) },
	}
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
//	    persist         on|off
//	    health          { ... }
//	    outlier         { ... }
//	    slow_start      <duration>
//	    fail_open       <percent>|off
//	    zone            <name>
//	}
func (p *Pool) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d,
		caddyfile.String("name", &p.Name),
		caddyfile.Block(
			caddyfile.Modules("source", "http.reverse_proxy.upstreams.pool.sources", "source", &p.SourcesRaw),
			caddyfile.Duration("initial_wait", &p.InitialWait),
			caddyfile.Group(p.FollowOptions.options()...),
			caddyfile.Group(p.ServingOptions.options()...),
		),
	)
}

// Provision implements caddy.Provisioner. It does not wait for any source.
func (p *Pool) Provision(ctx caddy.Context) error {
	p.logger = ctx.Logger()
	if err := p.check(); err != nil {
		return err
	}
	if err := p.acquire(ctx); err != nil {
		return err
	}
	var err error
	if p.transport, p.handler, err = attempt.Install(ctx); err != nil {
		return err
	}
	if p.transport != nil {
		p.transport.Observe(p.claim.Roster)
		return p.enlist(ctx)
	}
	return nil
}

func (p *Pool) check() error {
	if p.Name == "" {
		return fmt.Errorf("name: is missing; every pool has a name")
	}
	if len(p.SourcesRaw) == 0 {
		return fmt.Errorf("pool %q: sources: none given; expected at least one, such as static or file", p.Name)
	}
	if p.InitialWait < 0 {
		return fmt.Errorf("pool %q: initial_wait: %s is negative", p.Name, time.Duration(p.InitialWait))
	}
	if p.InitialWait == 0 {
		p.InitialWait = caddy.Duration(defaultInitialWait)
	}
	if err := p.FollowOptions.check(); err != nil {
		return fmt.Errorf("pool %q: %v", p.Name, err)
	}
	return nil
}

// acquire gets hold of the pool's roster.
func (p *Pool) acquire(ctx caddy.Context) error {
	definition, err := json.Marshal(p) // before the sources are loaded, which clears them
	if err != nil {
		return fmt.Errorf("pool %q: %v", p.Name, err)
	}
	sources := sourceRefs(p.Name, p.SourcesRaw)
	modules, err := ctx.LoadModule(p, "SourcesRaw")
	if err != nil {
		return fmt.Errorf("pool %q: sources: %v", p.Name, err)
	}
	for i, m := range modules.([]any) {
		sources[i].source = m.(discovery.Source)
	}
	if err := p.ServingOptions.provision(ctx); err != nil {
		return fmt.Errorf("pool %q: %v", p.Name, err)
	}
	emit, err := emitter(ctx)
	if err != nil {
		return fmt.Errorf("pool %q: %v", p.Name, err)
	}
	following := p.FollowOptions.settings(time.Duration(p.InitialWait))
	p.expires = time.Now().Add(time.Duration(p.InitialWait))
	p.claim, err = endpoint.Acquire(endpoint.Definition{
		Config: ctx.GetMetricsRegistry(), // each config has its own
		Name:   p.Name,
		Text:   string(definition),
		Rules:  p.ServingOptions.rules(),
		Owner:  endpoint.Owner{Logger: p.logger, Storage: ctx.Storage(), Emit: emit},
		Run: func(ctx context.Context, r *endpoint.Roster) {
			var wg sync.WaitGroup
			for _, m := range p.ServingOptions.monitors {
				wg.Go(func() { m.Run(ctx, r) })
			}
			run(ctx, p.Name, sources, following, r)
			wg.Wait()
		},
	})
	return err
}

// enlist leaves the picking to the handler's policy if that knows how.
func (p *Pool) enlist(ctx caddy.Context) error {
	modules := ctx.Modules()
	if len(modules) < 2 || modules[len(modules)-2] != caddy.Module(p.handler) {
		return nil // below another source, which wants a list
	}
	if p.handler.LoadBalancing == nil {
		p.handler.LoadBalancing = new(reverseproxy.LoadBalancing)
	}
	if p.handler.LoadBalancing.SelectionPolicy == nil {
		module, err := ctx.LoadModuleByID("http.reverse_proxy.selection_policies.adaptive_latency", nil)
		if err != nil {
			return fmt.Errorf("pool %q: loading the default policy: %v", p.Name, err)
		}
		p.handler.LoadBalancing.SelectionPolicy = module.(reverseproxy.Selector)
	}
	if policy, ok := p.handler.LoadBalancing.SelectionPolicy.(endpoint.Policy); ok {
		p.picker = policy.NewPicker(p.claim.Roster, p.admit)
	}
	return nil
}

// PoolName is how a source learns the name of its pool without an import of this package.
func (p *Pool) PoolName() string { return p.Name }

// Cleanup implements caddy.CleanerUpper.
func (p *Pool) Cleanup() error {
	if p.picker != nil {
		p.picker.Stop()
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
