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

// result is the result of one check.
type result struct {
	failure      string // the reason; empty if the check passed
	inconclusive bool   // whether the check neither passed nor failed
	hung         bool   // whether the check ran into its time limit
	advice       Advice
}

// check checks a target once. ctx is the time limit.
func (p *prober) check(ctx context.Context, t *Target) result {
	start := time.Now()
	advice, err := p.callProbe(ctx, t)
	took := time.Since(start)
	r := result{advice: advice}
	if errors.Is(err, ErrInconclusive) {
		r.inconclusive = true
	} else if err != nil {
		t.closeKept()
		r.hung = errors.Is(ctx.Err(), context.DeadlineExceeded)
		r.failure = fmt.Sprintf("%v in %s", err, took.Round(time.Millisecond/10))
	}
	if entry := p.roster.Logger().Check(zap.DebugLevel, "checked endpoint"); entry != nil {
		entry.Write(zap.String("address", t.Address), zap.Duration("took", took), zap.Error(err))
	}
	if len(t.unknown) > 0 && !t.warned {
		t.warned = true
		p.roster.Logger().Warn("agent's line has unknown words", zap.String("pool", p.roster.Name()),
			zap.String("address", t.Address), zap.Strings("words", t.unknown))
	}
	return r
}

// callProbe calls the probe. It turns a panic into a failure, because a probe may be third-party
// code and must not take Caddy down.
func (p *prober) callProbe(ctx context.Context, t *Target) (advice Advice, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("the probe panicked: %v", cause)
		}
	}()
	if adviser, ok := p.probe.(Adviser); ok {
		return adviser.Advise(ctx, t)
	}
	return Advice{}, p.probe.Check(ctx, t)
}

// applyResult updates the verdict and the conditions of an endpoint, and returns the time until its
// next check.
func (p *prober) applyResult(t *target, r result) time.Duration {
	e := t.endpoint
	if t.probed.ID != t.latest.ID { // the process that was asked has left meanwhile
		r.advice = Advice{}
	}
	e.Advise(r.advice)
	old := p.verdict(e)
	if r.inconclusive && !p.awaitsFirst(e) {
		return p.pause(old)
	}
	if _, ok := p.probe.(Adviser); ok && r.failure == "" && isDown(e.Advice()) {
		r.failure = "the agent has said that the endpoint is down, and not that it is up"
	}
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
	if !old.Checked {
		// Spreads endpoints that joined together over the interval.
		return time.Duration(p.random() * float64(p.interval))
	}
	return p.pause(v)
}

// awaitsFirst reports whether an endpoint waits for its first result, whatever that is.
func (p *prober) awaitsFirst(e *endpoint.Endpoint) bool {
	return e.Is(endpoint.Unchecked) && p.initial != initialUnhealthy
}

func isDown(a Advice) bool { return a.Down != nil && *a.Down }

// pause returns the time between two checks of an endpoint with this verdict.
func (p *prober) pause(v endpoint.Verdict) time.Duration {
	if v.Streak > 0 {
		return p.jittered(p.fastInterval)
	}
	return p.jittered(p.interval)
}

// verdict returns the verdict so far. If the prober of another config wrote the last one, which
// happens around a reload, its counts do not apply to this probe.
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
	event := endpoint.Event{
		Name: endpoint.BecameUnhealthy, Address: e.Address(), Reason: p.thresholds.reason(old, v), Since: old.Since,
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
