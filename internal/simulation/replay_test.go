package simulation

import (
	"context"
	"sync/atomic"
	"time"
)

// replay is a server that takes as long as was drawn for the request, however many others there are. That is how a backend behaves
// that waits for something else, such as a database.
type replay struct {
	fixed atomic.Int64 // nanoseconds; not 0 overrides what was drawn
}

func (r *replay) serve(ctx context.Context, drawn time.Duration) error {
	if fixed := r.fixed.Load(); fixed != 0 {
		drawn = time.Duration(fixed)
	}
	return sleep(ctx, drawn)
}

func (r *replay) fixAt(latency time.Duration) { r.fixed.Store(int64(latency)) }

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
