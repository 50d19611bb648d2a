package healthprobe

import "context"

// round is checks that begin together. They share the context that limits their time, since to make one, with its timer, for
// each check costs as much as all else that the prober does.
type batch struct {
	context.Context
	end  context.CancelFunc
	open int // checks
}

func (p *prober) newBatch(ctx context.Context) *batch {
	limited, end := context.WithTimeout(ctx, p.timeout)
	return &batch{Context: limited, end: end}
}

// close is for a check that ended.
func (r *batch) close() {
	if r.open--; r.open == 0 {
		r.end()
	}
}
