package healthprobe

import (
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// errStillDown is the failure of a check that finds nothing wrong with an endpoint which called
// itself down.
const errStillDown = "the agent has said that the endpoint is down, and not that it is up"

// next returns what a probe says of an endpoint after one more result, in which it sets the failure
// of an endpoint that is still down.
func (p *prober) next(t *target, said endpoint.ProbeVerdict, r *result) endpoint.ProbeVerdict {
	advice := r.advice.MergedWith(said.Advice)
	switch {
	case r.inconclusive:
		if said.Waits && p.initial != initialUnhealthy {
			said.Waits, said.Passes = false, true
		}
		said.Advice = advice
		return said
	case r.failure.Reason == "" && advice.Down != nil && *advice.Down:
		r.failure.Reason = errStillDown
	}
	now := t.probe.thresholds.next(said, r.failure, time.Now())
	now.Advice = advice
	return now
}

// warnOfUnknownWords logs the words of an agent that had no meaning, once for each endpoint.
func (p *prober) warnOfUnknownWords(t *Target) {
	if len(t.unknown) == 0 || t.warned {
		return
	}
	t.warned = true
	p.roster.Logger().Warn("agent's line has unknown words", zap.String("pool", p.roster.Name()),
		zap.String("address", t.Address), zap.Strings("words", t.unknown))
}
