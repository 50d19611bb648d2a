package simulation

import (
	"context"
	"sync/atomic"
	"time"
)

// replay is a server that takes as long as was drawn for a request, however many others it has. A
// backend behaves like this if it waits for something else, such as a database.
type replay struct {
	fixed atomic.Int64 // nanoseconds; not 0 overrides what was drawn
}

func (r *replay) serve(ctx context.Context, drawn time.Duration) error {
	return sleep(ctx, r.foresee(drawn))
}

func (r *replay) foresee(drawn time.Duration) time.Duration {
	if fixed := r.fixed.Load(); fixed != 0 {
		return time.Duration(fixed)
	}
	return drawn
}

// fixAt sets one latency for all requests. 0 returns to the latencies that are drawn.
func (r *replay) fixAt(latency time.Duration) { r.fixed.Store(int64(latency)) }

// sleep waits, or returns the error of the context if that ends first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
