package pool

import (
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/options"
	"github.com/caddy-balance/caddy-balance/internal/site"
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
	Definition
	RequestOptions

	handler   *reverseproxy.Handler
	transport *attempt.Transport

	// picker is nil if the handler's policy needs the whole list.
	picker endpoint.Picker

	limits poolLimits

	// sticky chooses the band for requests that the handler's policy keeps together.
	sticky []bandChooser

	// findSession finds the endpoint of a session. It is nil if the policy picks itself or keeps
	// none.
	findSession  func(*http.Request) *endpoint.Member
	stopSessions func()
	unexplain    func() // nil without a picker
	stopRoles    func() // nil if requests stay at an endpoint that loses its role
}

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
//	    max_requests    <number>
//	    fail_open       <percent>|off
//	    zone            <name>
//	    load_reports
//	    max_in_flight   <number>
//	    queue           <length> [<timeout>] {
//	        class <text>
//	    }
//	    retry_budget    <percent>% [<retries per second>]
//	    retry_backoff   <duration> [<duration>]
//	    retry_after     <duration> [<statuses...>]
//	    adaptive_limit {
//	        min       <number>
//	        max       <number>
//	        tolerance <number>
//	    }
//	    metrics         { ... }
//	    hedge           p<percentile> [max <percent>%]
//	    max_age         <duration>
//	    close_on_unhealthy <duration>
//	}
func (p *Pool) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d, caddyfile.String("name", &p.Name), caddyfile.Block(
		caddyfile.Group(p.Options()...), caddyfile.Group(p.RequestOptions.options()...),
		caddyfile.Group(p.LimitOptions.options()...),
	))
}

// Provision implements caddy.Provisioner. It does not wait for any source, because `caddy validate`
// provisions modules too.
func (p *Pool) Provision(ctx caddy.Context) error {
	if err := p.Acquire(ctx); err != nil {
		return err
	}
	var err error
	if p.transport, p.handler, err = attempt.Install(ctx); err != nil {
		return err
	}
	if p.transport != nil {
		p.transport.Observe(p.claim.Roster)
		p.compareProxyHeaders()
		p.compareActiveChecks()
		if p.handler.LoadBalancing != nil {
			p.sticky = bandChoosersFor(p.handler.LoadBalancing.SelectionPolicy)
		}
		if err := p.attachPolicy(ctx); err != nil {
			return err
		}
		if err := p.provisionRequests(ctx); err != nil {
			return err
		}
		if err := p.limit(ctx); err != nil {
			return fmt.Errorf("pool %q: %w", p.Name, err)
		}
	}
	return nil
}

// attachPolicy makes the handler's policy pick from the roster, if the policy is able to.
func (p *Pool) attachPolicy(ctx caddy.Context) error {
	if !p.standsAlone(ctx) {
		p.followSessions() // below another source, which needs a list
		return nil
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
		p.unexplain = p.claim.Roster.AddExplainer(p.picker, site.Of(ctx))
	}
	return nil
}

// Cleanup implements caddy.CleanerUpper.
func (p *Pool) Cleanup() error {
	if p.picker != nil {
		p.unexplain()
		p.picker.Stop()
	}
	for _, stop := range []func(){p.stopSessions, p.stopRoles, p.limits.unsubscribe} {
		if stop != nil {
			stop()
		}
	}
	p.Release()
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Pool)(nil)
	_ caddy.CleanerUpper          = (*Pool)(nil)
	_ caddyfile.Unmarshaler       = (*Pool)(nil)
	_ reverseproxy.UpstreamSource = (*Pool)(nil)
)
