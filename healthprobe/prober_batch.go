package healthprobe

import "context"

// batch is checks that start together and share the context that limits their time. A context with
// its timer for each check would cost as much as all else that the prober does.
type batch struct {
	context.Context
	cancel context.CancelFunc
	open   int // number of checks that have not ended; guarded by prober.mu
}

func (p *prober) newBatch(ctx context.Context) *batch {
	limited, cancel := context.WithTimeout(ctx, p.timeout)
	return &batch{Context: limited, cancel: cancel}
}

// close notes that one check has ended. The last one ends the context.
func (b *batch) close() {
	if b.open--; b.open == 0 {
		b.cancel()
	}
}
