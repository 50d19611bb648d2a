package healthprobe

import (
	"context"
	"time"
)

// batch is checks that start together and share the context that limits their time. A context with
// its timer for each check would cost as much as all else that the prober does.
type batch struct {
	context.Context
	cancel context.CancelFunc
	open   int // number of checks that have not ended; guarded by prober.mu
}

// batches are the batches that start at one moment, by their time limit.
type batches struct {
	ctx       context.Context
	byTimeout map[time.Duration]*batch
}

func newBatches(ctx context.Context) *batches { return &batches{ctx: ctx} }

// of returns the batch for a target.
func (b *batches) of(t *target) *batch {
	timeout := t.probe.timeout
	if b.byTimeout[timeout] == nil {
		if b.byTimeout == nil {
			b.byTimeout = make(map[time.Duration]*batch, 1)
		}
		limited, cancel := context.WithTimeout(b.ctx, timeout)
		b.byTimeout[timeout] = &batch{Context: limited, cancel: cancel}
	}
	return b.byTimeout[timeout]
}

// close notes that one check has ended. The last one ends the context.
func (b *batch) close() {
	if b.open--; b.open == 0 {
		b.cancel()
	}
}
