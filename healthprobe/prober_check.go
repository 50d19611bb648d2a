package healthprobe

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
	"github.com/caddy-balance/caddy-balance/internal/recovered"
)

// result is the result of one check.
type result struct {
	failure      endpoint.Failure // zero if the check passed
	inconclusive bool             // whether the check neither passed nor failed
	hung         bool             // whether the check ran into its time limit
	advice       Advice
}

// check checks a target once. ctx is the time limit.
func (p *prober) check(ctx context.Context, t *target) result {
	if rules := p.roster.Egress(); rules != nil && !t.probed.Trusted {
		ctx = withEgress(ctx, rules)
	}
	start := time.Now()
	advice, err := callProbe(ctx, t.probe.Probe, &t.probed)
	took := time.Since(start)
	r := result{advice: advice}
	if errors.Is(err, ErrInconclusive) {
		r.inconclusive = true
	} else if err != nil {
		t.probed.closeKept()
		r.hung = errors.Is(ctx.Err(), context.DeadlineExceeded)
		r.failure = endpoint.Failure{Reason: err.Error(), Took: took}
	}
	if entry := p.roster.Logger().Check(zap.DebugLevel, "checked endpoint"); entry != nil {
		entry.Write(zap.String("address", t.probed.Address), zap.String("probe", t.probe.name),
			zap.Duration("took", took), zap.Error(err))
	}
	p.warnOfUnknownWords(&t.probed)
	t.endpoint.CountCheck(r.counted(), took)
	return r
}

// counted returns what the result is in metrics.
func (r *result) counted() endpoint.CheckResult {
	switch {
	case r.inconclusive:
		return endpoint.CheckInconclusive
	case r.hung:
		return endpoint.CheckTimedOut
	case r.failure.Reason != "":
		return endpoint.CheckFailed
	}
	return endpoint.CheckPassed
}

// callProbe calls the probe. It turns a panic into a failure, because a probe may be third-party
// code and must not take Caddy down.
func callProbe(ctx context.Context, p Probe, t *Target) (advice Advice, err error) {
	defer recovered.Into(&err, "the probe")
	if adviser, ok := p.(Adviser); ok {
		return adviser.Advise(ctx, t)
	}
	return Advice{}, p.Check(ctx, t)
}

// applyResult updates the verdict and the conditions of an endpoint, and returns the time until its
// next check.
func (p *prober) applyResult(t *target, r result) time.Duration {
	if t.probed.ID != t.latest.ID { // the process that was asked has left meanwhile
		return 0
	}
	old := p.verdict(t.endpoint)
	said := old.Probes[t.position]
	now := p.next(t, said, &r)
	v := old
	if now != said {
		v = withProbe(old, t.position, now)
	}
	t.endpoint.Advise(v.Advice())
	setVerdict(t.endpoint, v)
	if r.failure.Reason == "" && !r.inconclusive {
		p.notePass(t)
	}
	if v.Passes != old.Passes {
		if v.Passes {
			// Policies would avoid the endpoint for as long as they remember its failures.
			t.endpoint.Load.Recover()
		}
		p.emitChange(t, old, v)
	}
	switch {
	case !said.Checked:
		// Spreads endpoints that joined together over the interval.
		return time.Duration(p.random() * float64(t.probe.interval))
	case now.Streak > 0:
		return p.jittered(t.probe.fastInterval)
	}
	return p.jittered(t.probe.interval)
}

// notePass records since when all probes have passed a check of the endpoint.
func (p *prober) notePass(t *target) {
	t.passed = load.Now()
	all := t.passed
	for _, sibling := range p.targets[t.endpoint] {
		if sibling.passed == 0 {
			return
		}
		all = min(all, sibling.passed)
	}
	t.endpoint.SetPassed(all)
}

// emitChange emits the event of a change of the verdict, which the result of t made.
func (p *prober) emitChange(t *target, old, v *endpoint.Verdict) {
	event := endpoint.Event{
		Name: endpoint.BecameUnhealthy, Address: t.endpoint.Address(), Since: old.Since,
		Reason: v.Named(t.position, t.probe.thresholds.reason(old.Probes[t.position], v.Probes[t.position])),
	}
	if v.Passes {
		event.Name = endpoint.BecameHealthy
	}
	p.roster.Emit(event)
}

// jittered returns d with a jitter of a tenth, so that checks which have fallen into step do not
// stay there. It adds at most 0.08, because waiting for the next batch adds up to 0.02.
func (p *prober) jittered(d time.Duration) time.Duration {
	return time.Duration((0.9 + 0.18*p.random()) * float64(d))
}
