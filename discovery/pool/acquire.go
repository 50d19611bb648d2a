package pool

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/definition"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// acquire loads the sources and monitors, and claims the roster of the pool. If an equal definition
// has the roster already, its sources go on and those of this module never run.
func (p *Pool) acquire(ctx caddy.Context) error {
	text, err := json.Marshal(p) // before the sources are loaded, which clears them
	if err != nil {
		return fmt.Errorf("pool %q: %w", p.Name, err)
	}
	config := ctx.GetMetricsRegistry() // each config has its own
	if !endpoint.IsDefined(config, p.Name, string(text)) {
		// Also before, because a file that changes meanwhile must count as changed at the next
		// reload.
		p.resolved.Sum = p.sum(text)
	}
	sources, err := p.loadSources(ctx)
	if err != nil {
		return fmt.Errorf("pool %q: %w", p.Name, err)
	}
	if err := p.ServingOptions.provision(ctx); err != nil {
		return fmt.Errorf("pool %q: %w", p.Name, err)
	}
	rules, err := p.EgressOptions.rules(ctx)
	if err != nil {
		return fmt.Errorf("pool %q: %w", p.Name, err)
	}
	emit, err := eventEmitter(ctx)
	if err != nil {
		return fmt.Errorf("pool %q: %w", p.Name, err)
	}
	p.waitUntil = time.Now().Add(time.Duration(p.InitialWait))
	p.claim, err = endpoint.Acquire(endpoint.Definition{
		Config:   config,
		Name:     p.Name,
		Text:     string(text),
		Resolved: p.resolved,
		Rules:    p.ServingOptions.rules(),
		Metrics:  p.metricsPerEndpoint(),
		Owner:    endpoint.Owner{Logger: p.logger, Storage: ctx.Storage(), Emit: emit, Egress: rules},
		Run:      p.runWith(sources),
	})
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, p.claim.End) // all pools stop at once; Cleanup then waits for each
	p.unusable.watch(p.claim.Roster)
	return nil
}

// sum returns the digest of what the definition stands for. The files of local sources do not
// count, because they are lists that the source follows itself.
func (p *Pool) sum(text []byte) definition.Sum {
	digest := definition.NewDigest()
	digest.AddValues(text)
	digest.AddFiles(p.HealthRaw)
	for _, raw := range p.SourcesRaw {
		if !isLocal(newSource(raw)) {
			digest.AddFiles(raw)
		}
	}
	return digest.Sum()
}

// Trust notes the certificate authorities that the TLS settings of a source or a probe trust. What
// makes such settings looks for this method on the modules of its context.
func (p *Pool) Trust(authorities *x509.CertPool) {
	p.resolved.Trusted = append(p.resolved.Trusted, authorities)
}

func (p *Pool) loadSources(ctx caddy.Context) ([]sourceRef, error) {
	sources := sourceRefs(p.SourcesRaw)
	modules, err := ctx.LoadModule(p, "SourcesRaw")
	if err != nil {
		return nil, fmt.Errorf("sources: %w", err)
	}
	for i, m := range modules.([]any) {
		sources[i].source = m.(discovery.Source)
	}
	return sources, nil
}

// runWith returns what keeps the roster up to date.
func (p *Pool) runWith(sources []sourceRef) func(context.Context, *endpoint.Roster) {
	settings := p.FollowOptions.settings(time.Duration(p.InitialWait))
	return func(ctx context.Context, r *endpoint.Roster) {
		var wg sync.WaitGroup
		for _, m := range p.ServingOptions.monitors {
			wg.Go(func() { m.Run(ctx, r) })
		}
		followSources(ctx, p.Name, sources, settings, r)
		wg.Wait()
	}
}
