package pool

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync/atomic"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// keepRunning runs a source until ctx ends: again after each error, and after a pause that
// grows as long as no list comes in between.
func superviseSource(ctx context.Context, s discovery.Source, report discovery.Report) {
	for failures := 1; ; failures++ {
		var answered atomic.Bool
		err := runOnce(ctx, s, func(a discovery.Answer) {
			if a.Endpoints != nil {
				answered.Store(true)
			}
			report(a)
		})
		if err == nil || ctx.Err() != nil { // what it says of its own end is no news
			<-ctx.Done()
			return
		}
		if answered.Load() {
			failures = 1
		}
		report(discovery.Answer{Err: err})
		if !discovery.Sleep(ctx, pauseAfter(failures, rand.Float64())) {
			return
		}
	}
}

// runOnce makes an error of a panic: a source that trips over what a registry said must
// take neither Caddy nor the other sources down.
func runOnce(ctx context.Context, s discovery.Source, report discovery.Report) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &panicError{value, string(debug.Stack())}
		}
	}()
	return s.Run(ctx, report)
}

type panicError struct {
	value any
	stack string
}

func (e *panicError) Error() string { return fmt.Sprintf("the source panicked: %v", e.value) }
