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
	if t.probed.ID != t.latest.ID { // the process that was asked has left meanwhile
		r.advice = Advice{}
	}
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

// forgetAdvice forgets what an endpoint has said of itself to each probe, and reports whether there
// was anything. The prober of an older config leaves that to the newest one.
func (p *prober) forgetAdvice(e *endpoint.Endpoint) bool {
	old := p.verdict(e)
	if !p.roster.IsCurrent() || old.Advice() == (Advice{}) {
		return false
	}
	v := old
	for i := range old.Probes {
		said := old.Probes[i]
		said.Advice = Advice{}
		v = withProbe(v, i, said)
	}
	setVerdict(e, v)
	e.ForgetAdvice()
	return true
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
