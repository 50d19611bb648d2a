package layer4

import (
	"cmp"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/clienttls"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

const (
	defaultConnectTimeout = 3 * time.Second
	defaultRetries        = 2
	maxRetries            = 100
	noRetries             = -1 // the value of `retries off` in JSON
	minIdleTimeout        = time.Second
)

// proxyVersions are the versions of the PROXY protocol by their names.
var proxyVersions = map[string]byte{"v1": 1, "v2": 2}

// Provision implements caddy.Provisioner. It does not wait for any source, because `caddy validate`
// provisions modules too.
func (p *Pool) Provision(ctx caddy.Context) error {
	if err := p.check(); err != nil {
		return fmt.Errorf("pool %q: %w", p.Name, err)
	}
	if err := p.Acquire(ctx); err != nil {
		return err
	}
	var err error
	if p.tls, err = clienttls.Config(ctx, p.TLS); err != nil {
		return fmt.Errorf("pool %q: %w", p.Name, err)
	}
	if err := p.attachPolicy(ctx); err != nil {
		return fmt.Errorf("pool %q: policy: %w", p.Name, err)
	}
	if p.CloseOnUnhealthy != nil {
		p.roles = watchRoles(p.Roster(), time.Duration(*p.CloseOnUnhealthy))
	}
	return nil
}

// check checks the settings that need no other module, and sets defaults.
func (p *Pool) check() error {
	if p.Retries < noRetries || p.Retries > maxRetries {
		return fmt.Errorf("retries: is %d; expected -1 (none), or from 1 to %d", p.Retries, maxRetries)
	}
	p.Retries = max(cmp.Or(p.Retries, defaultRetries), 0)
	if p.ProxyProtocol != "" && proxyVersions[p.ProxyProtocol] == 0 {
		return fmt.Errorf("proxy_protocol: %q is not v1 or v2", p.ProxyProtocol)
	}
	var grace caddy.Duration
	if p.CloseOnUnhealthy != nil {
		grace = *p.CloseOnUnhealthy
	}
	return cmp.Or(
		discovery.DefaultDuration("connect_timeout", &p.ConnectTimeout, defaultConnectTimeout),
		options.AtLeastOrZero("idle_timeout", p.IdleTimeout, minIdleTimeout),
		options.AtLeastOrZero("close_on_unhealthy", grace, options.MinDuration),
	)
}

// attachPolicy loads the policy and makes it pick from the roster.
func (p *Pool) attachPolicy(ctx caddy.Context) error {
	module, err := p.loadPolicy(ctx)
	if err != nil {
		return err
	}
	policy, ok := module.(endpoint.Policy)
	if !ok {
		return fmt.Errorf("%s picks for HTTP requests only", attempt.PolicyName(module))
	}
	if holder, ok := module.(endpoint.SessionHolder); ok && holder.HoldsSessions() {
		return fmt.Errorf("%s keeps sessions of HTTP requests only; expected bounded_load_hash {l4.pool.client_ip}, "+
			"which keeps a client at its endpoint", attempt.PolicyName(module))
	}
	if f, ok := module.(interface{ Fallback() any }); ok && f.Fallback() != nil {
		fallback, ok := f.Fallback().(endpoint.Policy)
		if !ok {
			return fmt.Errorf("fallback: %s picks for HTTP requests only", attempt.PolicyName(f.Fallback()))
		}
		p.fallback = fallback.NewPicker(p.Roster(), admit)
		p.explain(p.fallback)
	}
	p.picker = policy.NewPicker(p.Roster(), admit)
	p.explain(p.picker)
	return nil
}

// explain lets a picker say what it would pick, until the handler is cleaned up.
func (p *Pool) explain(picker endpoint.Picker) {
	p.unexplain = append(p.unexplain, p.Roster().AddExplainer(picker, "layer 4"))
}

func (p *Pool) loadPolicy(ctx caddy.Context) (any, error) {
	name := "adaptive_latency"
	p.transport = attempt.NewStreamTransport(func() string { return name })
	p.transport.Observe(p.Roster())
	if p.PolicyRaw == nil {
		return ctx.LoadModuleByID("http.reverse_proxy.selection_policies."+name, nil)
	}
	module, err := ctx.LoadModule(p, "PolicyRaw")
	name = attempt.PolicyName(module)
	return module, err
}

// StreamTransport returns what tracks the attempts of the handler. Policies look for this method on
// the modules of their context.
func (p *Pool) StreamTransport() *attempt.Transport { return p.transport }

// admit admits all members within their limits.
func admit(m *endpoint.Member) (ok bool, limit int) { return true, int(m.MaxRequests) }

// Cleanup implements caddy.CleanerUpper. Connections go on.
func (p *Pool) Cleanup() error {
	for _, remove := range p.unexplain {
		remove()
	}
	for _, picker := range []endpoint.Picker{p.picker, p.fallback} {
		if picker != nil {
			picker.Stop()
		}
	}
	if p.roles != nil {
		p.roles.Stop()
	}
	p.Release()
	return nil
}
