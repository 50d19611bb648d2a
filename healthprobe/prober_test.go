package healthprobe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/endpointtest"
)

// scripted is a probe that answers as the test wants, and knows what it was asked.
type scripted struct {
	mu     sync.Mutex
	fails  map[string]bool
	hangs  map[string]bool
	asked  map[string][]time.Time
	atOnce atomic.Int32
	most   int32
}

func script() *scripted {
	return &scripted{fails: map[string]bool{}, hangs: map[string]bool{}, asked: map[string][]time.Time{}}
}

func (s *scripted) Check(ctx context.Context, t *Target) error {
	name := strings.TrimSuffix(t.Address, ":1")
	s.mu.Lock()
	s.asked[name] = append(s.asked[name], time.Now())
	fails, hangs := s.fails[name], s.hangs[name]
	s.most = max(s.most, s.atOnce.Add(1))
	s.mu.Unlock()
	defer s.atOnce.Add(-1)
	if hangs {
		<-ctx.Done()
		return errors.New("timed out")
	}
	if fails {
		return errors.New("refused")
	}
	return nil
}

func (s *scripted) set(m map[string]bool, name string, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m[name] = on
}

func (s *scripted) times(name string) []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked[name])
}

// health is provisioned with the defaults.
func health(p Probe, change ...func(*Health)) *Health {
	h := &Health{probe: p, key: "scripted"}
	for _, c := range change {
		c(h)
	}
	h.fillIn()
	return h
}

func TestAnEndpointThatFailsGetsNothingUntilItPasses(t *testing.T) {
	p := script()
	endpointtest.Run(t, func(w *endpointtest.Pool) {
		w.List("a", "b")
		w.Pass(time.Minute)
		p.set(p.fails, "a", true)
		w.Pass(5500*time.Millisecond + 2*1100*time.Millisecond)
		w.WantServing("b")
		w.WantLog("endpoint is unhealthy a:1: 3 of 3 checks failed, last: refused in 0s")
		p.set(p.fails, "a", false)
		w.Pass(6600 * time.Millisecond)
		w.WantServing("a b")
		w.WantLog("endpoint is healthy a:1: 2 of 2 checks passed")
	}, health(p))
}

func TestAtTheStartEndpointsServeBeforeTheirFirstCheck(t *testing.T) {
	p := script()
	p.hangs["a"] = true
	endpointtest.Run(t, func(w *endpointtest.Pool) {
		w.List("a", "b")
		w.WantServing("a b")
		w.Pass(2 * time.Second)
		w.WantServing("b")
	}, health(p))
}

func TestANewcomerWaitsForItsFirstCheck(t *testing.T) {
	p := script()
	p.hangs["new"], p.fails["bad"] = true, true
	endpointtest.Run(t, func(w *endpointtest.Pool) {
		w.List("a")
		w.Pass(time.Minute)
		w.List("a", "bad", "good", "new")
		w.Pass(100 * time.Millisecond)
		w.WantServing("a good")
		p.set(p.hangs, "new", false)
		w.Pass(2 * time.Second) // its first check timed out
		w.WantServing("a good")
		w.Pass(7 * time.Second)
		w.WantServing("a good new")
	}, health(p))
}

func TestNewcomersServeAtOnceIfThereIsNobodyElse(t *testing.T) {
	p := script()
	p.hangs["b"] = true
	endpointtest.Run(t, func(w *endpointtest.Pool) {
		w.List("a")
		w.Pass(time.Minute)
		w.List("b")
		w.WantServing("b")
	}, health(p))
}

func TestInitialUnhealthyWaitsForTheFirstPass(t *testing.T) {
	p := script()
	p.hangs["a"] = true
	endpointtest.Run(t, func(w *endpointtest.Pool) {
		w.List("a", "b")
		w.WantServing("")
		w.Pass(100 * time.Millisecond)
		w.WantServing("b")
		w.WantLog("pool has no usable endpoint <nil>: of 2 endpoints 0 are usable, 2 unhealthy, 0 draining",
			"endpoint is healthy b:1: its first check passed", "pool has usable endpoints again <nil>: <nil>")
	}, health(p, func(h *Health) { h.Initial = initialUnhealthy }))
}

func TestInitialHealthyDoesNotWaitForNewcomersEither(t *testing.T) {
	p := script()
	p.hangs["b"] = true
	endpointtest.Run(t, func(w *endpointtest.Pool) {
		w.List("a")
		w.Pass(time.Minute)
		w.List("a", "b")
		w.WantServing("a b")
	}, health(p, func(h *Health) { h.Initial = initialHealthy }))
}

func TestAnEndpointIsCheckedOncePerInterval(t *testing.T) {
	p := script()
	endpointtest.Run(t, func(w *endpointtest.Pool) {
		w.List("a")
		w.Pass(10 * time.Minute)
		if n := len(p.times("a")); n < 109 || n > 134 { // 120, give or take a tenth, and the first
			t.Errorf("%d checks in 120 intervals", n)
		}
	}, health(p))
}

func TestAnEndpointWhoseVerdictMayChangeIsCheckedMoreOften(t *testing.T) {
	p := script()
	endpointtest.Run(t, func(w *endpointtest.Pool) {
		w.List("a")
		w.Pass(time.Minute)
		p.set(p.fails, "a", true)
		w.Pass(time.Minute)
		times := p.times("a")
		i := slices.IndexFunc(times, func(at time.Time) bool { return at.Sub(times[0]) >= time.Minute })
		for k, want := range []time.Duration{time.Second, time.Second, 5 * time.Second, 5 * time.Second} {
			if gap := times[i+k+1].Sub(times[i+k]); gap < want*9/10 || gap > want*11/10 {
				t.Errorf("gap %d after the first failure is %s, not about %s", k, gap, want)
			}
		}
	}, health(p))
}

func TestTenThousandEndpointsAreNotCheckedInOneInstant(t *testing.T) {
	p := script()
	endpointtest.Run(t, func(w *endpointtest.Pool) {
		var names []string
		for i := range 10_000 {
			names = append(names, fmt.Sprint("n", i))
		}
		w.List(names...)
		w.Pass(30 * time.Second)
		perTenth := map[int]int{}
		for _, name := range names {
			times := p.times(name)
			if len(times) < 5 {
				t.Fatalf("%s was checked %d times in 6 intervals", name, len(times))
			}
			for _, at := range times {
				perTenth[int(at.Sub(p.asked[names[0]][0])/(100*time.Millisecond))]++
			}
		}
		for tenth, n := range perTenth {
			if n > 450 { // 200 is even; the second check comes at a random time in the interval after the first
				t.Errorf("%d checks in tenth %d of a second", n, tenth)
			}
		}
	}, health(p))
}

func TestChecksThatHangDelayNobodyElse(t *testing.T) {
	p := script()
	endpointtest.Run(t, func(w *endpointtest.Pool) {
		var names []string
		for i := range 1000 {
			names = append(names, fmt.Sprint("h", i))
			p.hangs[names[i]] = true
		}
		w.List(append(names, "a")...)
		w.Pass(time.Minute)
		before := len(p.times("a"))
		w.Pass(time.Minute)
		if n := len(p.times("a")) - before; n < 10 {
			t.Errorf("%d checks of the one that answers in 12 intervals", n)
		}
		if p.most > 2*queueConcurrency {
			t.Errorf("%d checks at once", p.most)
		}
	}, health(p))
}

func TestAReloadKeepsVerdicts(t *testing.T) {
	p := script()
	endpointtest.Run(t, func(w *endpointtest.Pool) {
		w.List("a", "b")
		p.set(p.fails, "a", true)
		w.Pass(30 * time.Second)
		w.Reload(health(p, func(h *Health) { h.Interval *= 2 }))
		w.WantServing("b")
		other := health(p)
		other.key = "another probe"
		p.set(p.fails, "a", false)
		w.Reload(other) // which checks at once, and whose first result decides
		w.Pass(100 * time.Millisecond)
		w.WantServing("a b")
		w.Reload() // no checks at all
		w.WantServing("a b")
	}, health(p))
}

func TestOnlyTheNewestDefinitionChecks(t *testing.T) {
	old, newer := script(), script()
	endpointtest.Run(t, func(w *endpointtest.Pool) {
		w.List("a")
		w.Pass(time.Minute)
		next := w.Acquire(zap.NewNop(), health(newer))
		w.Pass(time.Second)
		before := len(old.times("a"))
		w.Pass(time.Minute)
		if n := len(old.times("a")); n > before+1 || len(newer.times("a")) < 10 {
			t.Errorf("the old one checked %d times more, the newer one %d times", n-before, len(newer.times("a")))
		}
		next.Release() // as when the new config fails to load
		before = len(old.times("a"))
		w.Pass(time.Minute)
		if n := len(old.times("a")) - before; n < 10 {
			t.Errorf("the old one checked %d times", n)
		}
	}, health(old))
}

func TestWhoLeavesIsNotCheckedAnyMore(t *testing.T) {
	p := script()
	endpointtest.Run(t, func(w *endpointtest.Pool) {
		w.List("a", "b")
		p.set(p.fails, "b", true)
		w.Pass(time.Minute)
		b := w.Endpoint("b")
		w.List("a")
		before := len(p.times("b"))
		w.Pass(time.Minute)
		if n := len(p.times("b")); n != before || b.Conditions() != 0 {
			t.Errorf("%d more checks, conditions %b", n-before, b.Conditions())
		}
	}, health(p))
}

// panicking is anybody's probe.
type panicking struct{}

func (panicking) Check(context.Context, *Target) error { panic("oops") }

func TestAProbeThatPanicsFails(t *testing.T) {
	endpointtest.Run(t, func(w *endpointtest.Pool) {
		w.List("a")
		w.Pass(time.Second)
		if v := w.Endpoint("a").Verdict(); v.Passes || !strings.Contains(v.Last, "the probe panicked: oops") {
			t.Errorf("the verdict is %+v", v)
		}
	}, health(panicking{}))
}

// advising is a probe with an opinion.
type advising struct {
	*scripted
	advice atomic.Pointer[endpoint.Advice]
}

func (a *advising) Advise(ctx context.Context, t *Target) (endpoint.Advice, error) {
	return *a.advice.Load(), a.Check(ctx, t)
}

func TestAnEndpointCanDrainItself(t *testing.T) {
	p := &advising{scripted: script()}
	p.advice.Store(&endpoint.Advice{})
	endpointtest.Run(t, func(w *endpointtest.Pool) {
		w.List("a", "b")
		w.Pass(time.Minute)
		w.WantServing("a b")
		drain, half := endpoint.AdvisedDrain, 50
		p.advice.Store(&endpoint.Advice{Mode: &drain, Percent: &half})
		w.Pass(10 * time.Second)
		w.WantServing("a b") // both, since there is nobody else
		if s := w.Claim.Roster.Snapshot(); s.Mode != endpoint.Draining {
			t.Errorf("mode %s", s.Mode)
		}
		p.advice.Store(&endpoint.Advice{})
		w.Pass(10 * time.Second)
		if s := w.Claim.Roster.Snapshot(); s.Mode != endpoint.Draining {
			t.Error("what is not mentioned stays")
		}
		ready := endpoint.AdvisedReady
		p.advice.Store(&endpoint.Advice{Mode: &ready})
		w.Pass(10 * time.Second)
		if s := w.Claim.Roster.Snapshot(); s.Mode != endpoint.Healthy {
			t.Errorf("mode %s", s.Mode)
		}
	}, health(p))
}
