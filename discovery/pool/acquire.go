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
func (d *Definition) acquire(ctx caddy.Context) error {
	text, err := json.Marshal(d) // before the sources are loaded, which clears them
	if err != nil {
		return fmt.Errorf("pool %q: %w", d.Name, err)
	}
	config := ctx.GetMetricsRegistry() // each config has its own
	if !endpoint.IsDefined(config, d.Name, string(text)) {
		// Also before, because a file that changes meanwhile must count as changed at the next
		// reload.
		d.resolved.Sum = d.sum(text)
	}
	sources, err := d.loadSources(ctx)
	if err != nil {
		return fmt.Errorf("pool %q: %w", d.Name, err)
	}
	if err := d.ServingOptions.provision(ctx); err != nil {
		return fmt.Errorf("pool %q: %w", d.Name, err)
	}
	rules, err := d.EgressOptions.rules(ctx)
	if err != nil {
		return fmt.Errorf("pool %q: %w", d.Name, err)
	}
	emit, err := eventEmitter(ctx)
	if err != nil {
		return fmt.Errorf("pool %q: %w", d.Name, err)
	}
	d.waitUntil = time.Now().Add(time.Duration(d.InitialWait))
	d.claim, err = endpoint.Acquire(endpoint.Definition{
		Config:   config,
		Name:     d.Name,
		Text:     string(text),
		Resolved: d.resolved,
		Rules:    d.ServingOptions.rules(),
		Metrics:  d.metricsPerEndpoint(),
		Limits:   d.LimitOptions.settings(),
		Owner:    endpoint.Owner{Logger: d.logger, Storage: ctx.Storage(), Emit: emit, Egress: rules},
		Run:      d.runWith(sources),
	})
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, d.claim.End) // all pools stop at once; Cleanup then waits for each
	d.unusable.watch(d.claim.Roster)
	return nil
}

// sum returns the digest of what the definition stands for. The files of local sources do not
// count, because they are lists that the source follows itself.
func (d *Definition) sum(text []byte) definition.Sum {
	digest := definition.NewDigest()
	digest.AddValues(text)
	digest.AddFiles(d.HealthRaw)
	for _, raw := range d.SourcesRaw {
		if !isLocal(newSource(raw)) {
			digest.AddFiles(raw)
		}
	}
	return digest.Sum()
}

// Trust notes the certificate authorities that the TLS settings of a source or a probe trust. What
// makes such settings looks for this method on the modules of its context.
func (d *Definition) Trust(authorities *x509.CertPool) {
	d.resolved.Trusted = append(d.resolved.Trusted, authorities)
}

func (d *Definition) loadSources(ctx caddy.Context) ([]sourceRef, error) {
	sources := sourceRefs(d.SourcesRaw)
	modules, err := ctx.LoadModule(d, "SourcesRaw")
	if err != nil {
		return nil, fmt.Errorf("sources: %w", err)
	}
	for i, m := range modules.([]any) {
		sources[i].source = m.(discovery.Source)
	}
	return sources, nil
}

// runWith returns what keeps the roster up to date.
func (d *Definition) runWith(sources []sourceRef) func(context.Context, *endpoint.Roster) {
	settings := d.FollowOptions.settings(time.Duration(d.InitialWait))
	return func(ctx context.Context, r *endpoint.Roster) {
		var wg sync.WaitGroup
		for _, m := range d.ServingOptions.monitors {
			wg.Go(func() { m.Run(ctx, r) })
		}
		followSources(ctx, d.Name, sources, settings, r)
		wg.Wait()
	}
}
