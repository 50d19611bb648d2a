package healthprobe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// result is what came of one check.
type result struct {
	failure string // in words, empty if it passed
	hung    bool
	advice  endpoint.Advice
}

// check makes one check. Its context is for its time limit.
func (p *prober) check(ctx context.Context, asked *Target) result {
	start := time.Now()
	advice, err := p.ask(ctx, asked)
	took := time.Since(start)
	r := result{advice: advice}
	if err != nil {
		asked.closeKept()
		r.hung = errors.Is(ctx.Err(), context.DeadlineExceeded)
		r.failure = fmt.Sprintf("%v in %s", err, took.Round(time.Millisecond/10))
	}
	if entry := p.roster.Logger().Check(zap.DebugLevel, "checked endpoint"); entry != nil {
		entry.Write(zap.String("address", asked.Address), zap.Duration("took", took), zap.Error(err))
	}
	return r
}

// ask keeps a probe that panics, which may be anybody's, from taking Caddy down.
func (p *prober) ask(ctx context.Context, asked *Target) (advice endpoint.Advice, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("the probe panicked: %v", cause)
		}
	}()
	if adviser, ok := p.probe.(Adviser); ok {
		return adviser.Advise(ctx, asked)
	}
	return endpoint.Advice{}, p.probe.Check(ctx, asked)
}

// take makes a result count, and returns how long it is to the next check.
func (p *prober) applyResult(t *target, r result) time.Duration {
	e := t.endpoint
	e.Advise(r.advice)
	old := p.verdict(e)
	v := p.thresholds.next(old, r.failure, time.Now())
	if v != old {
		e.SetVerdict(&v)
	}
	if v.Passes {
		e.Set(endpoint.ProbeFailed|endpoint.Unchecked, false)
	} else {
		e.Replace(endpoint.Unchecked, endpoint.ProbeFailed)
	}
	if r.failure == "" {
		e.SetPassed(load.Now())
	}
	if v.Passes != old.Passes {
		p.emitChange(e, old, v)
	}
	switch {
	case !old.Checked:
		// Those that came together are spread over the interval from now on.
		return time.Duration(p.random() * float64(p.interval))
	case v.Streak > 0:
		return p.jittered(p.fastInterval)
	}
	return p.jittered(p.interval)
}

// verdict is the one so far. While a reload was under way, another prober may have had its say.
func (p *prober) verdict(e *endpoint.Endpoint) endpoint.Verdict {
	v := e.Verdict()
	if v == nil {
		return endpoint.Verdict{Probe: p.key, Passes: true, Since: time.Now()}
	}
	if v.Probe != p.key {
		return endpoint.Verdict{Probe: p.key, Passes: v.Passes, Since: v.Since, Last: v.Last}
	}
	return *v
}

func (p *prober) emitChange(e *endpoint.Endpoint, old, v endpoint.Verdict) {
	event := endpoint.Event{Name: endpoint.BecameUnhealthy, Address: e.Address(), Reason: p.thresholds.reason(old, v), Since: old.Since}
	if v.Passes {
		event.Name = endpoint.BecameHealthy
	}
	p.roster.Emit(event)
}

// jittered is d, give or take a tenth, so that checks which fell into step do not stay there. Up to a fiftieth is left
// to the pulse.
func (p *prober) jittered(d time.Duration) time.Duration {
	return time.Duration((0.9 + 0.18*p.random()) * float64(d))
}
