package pool

import (
	"context"
	"math/rand/v2"
	"sync/atomic"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/recovered"
)

// superviseSource runs a source until ctx ends. After an error it runs the source again, after a
// pause that grows until the source reports a list.
func superviseSource(ctx context.Context, s discovery.Source, reportAll discovery.Report) {
	secrets := secretValues(s)
	report := func(a discovery.Answer) { reportAll(withoutSecrets(a, secrets)) }
	for failures := 1; ; failures++ {
		var listed atomic.Bool
		err := runSource(ctx, s, func(a discovery.Answer) {
			if a.Endpoints != nil && !a.Partial {
				listed.Store(true)
			}
			report(a)
		})
		if err == nil || ctx.Err() != nil { // an error that the end of ctx caused is not reported
			<-ctx.Done()
			return
		}
		if listed.Load() {
			failures = 1
		}
		report(discovery.Answer{Err: err})
		if !discovery.Sleep(ctx, pauseAfter(failures, rand.Float64())) {
			return
		}
	}
}

// runSource calls Run once and turns a panic into an error, because a source that cannot cope with
// an answer of its registry must not stop Caddy or the other sources.
func runSource(ctx context.Context, s discovery.Source, report discovery.Report) (err error) {
	defer recovered.Into(&err, "the source")
	return s.Run(ctx, report)
}
