package healthprobe

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/endpointtest"
)

func TestAReloadKeepsVerdicts(t *testing.T) {
	p := newScriptedProbe()
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		p.set(p.fails, "a", true)
		pool.Sleep(30 * time.Second)
		pool.Reload(newHealth(p, func(h *Health) { h.Interval *= 2 }))
		pool.WantServing("b")
		other := newHealth(p)
		other.probes[0].definition = "another probe"
		p.set(p.fails, "a", false)
		pool.Reload(other) // checks at once, and its first result decides
		pool.Sleep(100 * time.Millisecond)
		pool.WantServing("a b")
		pool.Reload() // no checks at all
		pool.WantServing("a b")
	}, newHealth(p))
}

func TestOnlyTheNewestConfigChecks(t *testing.T) {
	old, newer := newScriptedProbe(), newScriptedProbe()
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a")
		pool.Sleep(time.Minute)
		next := pool.Acquire(zap.NewNop(), newHealth(newer))
		pool.Sleep(time.Second)
		before := len(old.times("a"))
		pool.Sleep(time.Minute)
		if n := len(old.times("a")); n > before+1 || len(newer.times("a")) < 10 {
			t.Errorf("the old config checked %d times more, the newer one %d times", n-before, len(newer.times("a")))
		}
		next.Release() // as when the new config fails to load
		before = len(old.times("a"))
		pool.Sleep(time.Minute)
		if n := len(old.times("a")) - before; n < 10 {
			t.Errorf("the old config checked %d times", n)
		}
	}, newHealth(old))
}

// panickingProbe stands for a third-party probe with a bug.
type panickingProbe struct{}

func (panickingProbe) Check(context.Context, *Target) error { panic("oops") }

func TestAProbeThatPanicsFails(t *testing.T) {
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a")
		pool.Sleep(time.Second)
		if v := pool.Endpoint("a").Verdict(); v.Passes || v.Probes[0].Last.Reason != "the probe panicked: oops" {
			t.Errorf("the verdict is %+v", v)
		}
	}, newHealth(panickingProbe{}))
}

// advisingProbe returns advice too.
type advisingProbe struct {
	*scriptedProbe
	advice atomic.Pointer[Advice]
}

func (a *advisingProbe) Advise(ctx context.Context, t *Target) (Advice, error) {
	return *a.advice.Load(), a.Check(ctx, t)
}

func TestAnEndpointCanDrainItself(t *testing.T) {
	p := &advisingProbe{scriptedProbe: newScriptedProbe()}
	p.advice.Store(&Advice{})
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		pool.Sleep(time.Minute)
		pool.WantServing("a b")
		drain, half := AdvisedDrain, 50
		p.advice.Store(&Advice{Mode: &drain, Percent: &half})
		pool.Sleep(10 * time.Second)
		pool.WantServing("a b") // both, because no other endpoint is left
		if s := pool.Claim.Roster.Snapshot(); s.Mode != endpoint.Draining {
			t.Errorf("mode %s", s.Mode)
		}
		p.advice.Store(&Advice{})
		pool.Sleep(10 * time.Second)
		if s := pool.Claim.Roster.Snapshot(); s.Mode != endpoint.Draining {
			t.Error("advice that does not mention the mode changed it")
		}
		ready := AdvisedReady
		p.advice.Store(&Advice{Mode: &ready})
		pool.Sleep(10 * time.Second)
		if s := pool.Claim.Roster.Snapshot(); s.Mode != endpoint.Healthy {
			t.Errorf("mode %s", s.Mode)
		}
	}, newHealth(p))
}
