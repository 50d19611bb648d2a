package discovery

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// keepRunning runs a source until ctx ends: again after each error, and after a pause that
// grows as long as no list comes in between.
func keepRunning(ctx context.Context, s Source, report Report) {
	for failures := 1; ; failures++ {
		var answered atomic.Bool
		err := runOnce(ctx, s, func(a Answer) {
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
		report(Answer{Err: err})
		if !rest(ctx, pauseAfter(failures, rand.Float64())) {
			return
		}
	}
}

// runOnce makes an error of a panic: a source that trips over what a registry said must
// take neither Caddy nor the other sources down.
func runOnce(ctx context.Context, s Source, report Report) (err error) {
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

// rest returns false if ctx ends before the pause does.
func rest(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
