package healthprobe

import "context"

// round is checks that begin together. They share the context that limits their time, since to make one, with its timer, for
// each check costs as much as all else that the prober does.
type round struct {
	context.Context
	end  context.CancelFunc
	open int // checks
}

func (p *prober) newRound(ctx context.Context) *round {
	limited, end := context.WithTimeout(ctx, p.timeout)
	return &round{Context: limited, end: end}
}

// close is for a check that ended.
func (r *round) close() {
	if r.open--; r.open == 0 {
		r.end()
	}
}
