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
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// ward is a pool in a bubble, that a prober or a detector looks after.
type ward struct {
	t     *testing.T
	log   *observer.ObservedLogs
	claim *endpoint.Claim
	name  string
	after int // configs
}

// caring runs a pool with these minders.
func caring(t *testing.T, test func(w *ward), minders ...minder) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		core, log := observer.New(zap.InfoLevel)
		w := &ward{t: t, log: log, name: t.Name()}
		w.claim = w.acquire(zap.New(core), minders...)
		defer func() { w.claim.Release() }()
		test(w)
	})
}

type minder interface {
	Mind(context.Context, *endpoint.Roster)
	Conditions() endpoint.Condition
}

// acquire is what a config does.
func (w *ward) acquire(logger *zap.Logger, minders ...minder) *endpoint.Claim {
	w.t.Helper()
	w.after++
	var heeds endpoint.Condition
	for _, m := range minders {
		heeds |= m.Conditions()
	}
	c, err := endpoint.Acquire(endpoint.Definition{
		Config: w.after, Name: w.name, Text: fmt.Sprint(w.after), Rules: endpoint.Rules{Heeds: heeds}, Holder: endpoint.Holder{Logger: logger},
		Run: func(ctx context.Context, r *endpoint.Roster) {
			var wg sync.WaitGroup
			for _, m := range minders {
				wg.Go(func() { m.Mind(ctx, r) })
			}
			wg.Wait()
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait() // until it is minded
	return c
}

// reload replaces the minders as a reload of the config does.
func (w *ward) reload(minders ...minder) {
	w.t.Helper()
	next := w.acquire(w.claim.Roster.Logger(), minders...)
	var infos []endpoint.Info
	for _, m := range w.claim.Roster.Snapshot().Members {
		infos = append(infos, *m.Info)
	}
	next.Roster.Replace(infos)
	w.claim.Release()
	w.claim = next
}

func (w *ward) list(names ...string) {
	infos := []endpoint.Info{}
	for _, name := range names {
		infos = append(infos, endpoint.Info{Address: name + ":1", Weight: 1})
	}
	w.claim.Roster.Replace(infos)
}

func (w *ward) endpoint(name string) *endpoint.Endpoint {
	w.t.Helper()
	m := w.claim.Roster.Snapshot().Find(name + ":1")
	if m == nil {
		w.t.Fatalf("there is no %s", name)
	}
	return m.Endpoint
}

func (w *ward) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// wantServing expects those to have a share.
func (w *ward) wantServing(want string) {
	w.t.Helper()
	synctest.Wait()
	s := w.claim.Roster.Snapshot()
	var names []string
	for _, m := range s.Members {
		if m.Weight > 0 && !m.Is(s.Heed) {
			names = append(names, strings.TrimSuffix(m.Address(), ":1"))
		}
	}
	if got := strings.Join(names, " "); got != want {
		w.t.Errorf("%q serve, not %q", got, want)
	}
}

func (w *ward) wantLog(want ...string) {
	w.t.Helper()
	var got []string
	for _, e := range w.log.TakeAll() {
		fields := e.ContextMap()
		got = append(got, fmt.Sprint(e.Message, " ", fields["address"], ": ", fields["reason"]))
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("logged\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

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
	caring(t, func(w *ward) {
		w.list("a", "b")
		w.pass(time.Minute)
		p.set(p.fails, "a", true)
		w.pass(5500*time.Millisecond + 2*1100*time.Millisecond)
		w.wantServing("b")
		w.wantLog("endpoint is unhealthy a:1: 3 of 3 checks failed, last: refused in 0s")
		p.set(p.fails, "a", false)
		w.pass(6600 * time.Millisecond)
		w.wantServing("a b")
		w.wantLog("endpoint is healthy a:1: 2 of 2 checks passed")
	}, health(p))
}

func TestAtTheStartEndpointsServeBeforeTheirFirstCheck(t *testing.T) {
	p := script()
	p.hangs["a"] = true
	caring(t, func(w *ward) {
		w.list("a", "b")
		w.wantServing("a b")
		w.pass(2 * time.Second)
		w.wantServing("b")
	}, health(p))
}

func TestANewcomerWaitsForItsFirstCheck(t *testing.T) {
	p := script()
	p.hangs["new"], p.fails["bad"] = true, true
	caring(t, func(w *ward) {
		w.list("a")
		w.pass(time.Minute)
		w.list("a", "bad", "good", "new")
		w.pass(100 * time.Millisecond)
		w.wantServing("a good")
		p.set(p.hangs, "new", false)
		w.pass(2 * time.Second) // its first check timed out
		w.wantServing("a good")
		w.pass(7 * time.Second)
		w.wantServing("a good new")
	}, health(p))
}

func TestNewcomersServeAtOnceIfThereIsNobodyElse(t *testing.T) {
	p := script()
	p.hangs["b"] = true
	caring(t, func(w *ward) {
		w.list("a")
		w.pass(time.Minute)
		w.list("b")
		w.wantServing("b")
	}, health(p))
}

func TestInitialUnhealthyWaitsForTheFirstPass(t *testing.T) {
	p := script()
	p.hangs["a"] = true
	caring(t, func(w *ward) {
		w.list("a", "b")
		w.wantServing("")
		w.pass(100 * time.Millisecond)
		w.wantServing("b")
		w.wantLog("pool has nobody to serve <nil>: of 2 endpoints 0 are usable, 2 unhealthy, 0 draining",
			"endpoint is healthy b:1: its first check passed", "pool has somebody to serve again <nil>: <nil>")
	}, health(p, func(h *Health) { h.Initial = initialUnhealthy }))
}

func TestInitialHealthyDoesNotWaitForNewcomersEither(t *testing.T) {
	p := script()
	p.hangs["b"] = true
	caring(t, func(w *ward) {
		w.list("a")
		w.pass(time.Minute)
		w.list("a", "b")
		w.wantServing("a b")
	}, health(p, func(h *Health) { h.Initial = initialHealthy }))
}

func TestAnEndpointIsCheckedOncePerInterval(t *testing.T) {
	p := script()
	caring(t, func(w *ward) {
		w.list("a")
		w.pass(10 * time.Minute)
		if n := len(p.times("a")); n < 109 || n > 134 { // 120, give or take a tenth, and the first
			t.Errorf("%d checks in 120 intervals", n)
		}
	}, health(p))
}

func TestAnEndpointWhoseVerdictMayChangeIsCheckedMoreOften(t *testing.T) {
	p := script()
	caring(t, func(w *ward) {
		w.list("a")
		w.pass(time.Minute)
		p.set(p.fails, "a", true)
		w.pass(time.Minute)
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
	caring(t, func(w *ward) {
		var names []string
		for i := range 10_000 {
			names = append(names, fmt.Sprint("n", i))
		}
		w.list(names...)
		w.pass(30 * time.Second)
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
	caring(t, func(w *ward) {
		var names []string
		for i := range 1000 {
			names = append(names, fmt.Sprint("h", i))
			p.hangs[names[i]] = true
		}
		w.list(append(names, "a")...)
		w.pass(time.Minute)
		before := len(p.times("a"))
		w.pass(time.Minute)
		if n := len(p.times("a")) - before; n < 10 {
			t.Errorf("%d checks of the one that answers in 12 intervals", n)
		}
		if p.most > 2*laneSize {
			t.Errorf("%d checks at once", p.most)
		}
	}, health(p))
}

func TestAReloadKeepsVerdicts(t *testing.T) {
	p := script()
	caring(t, func(w *ward) {
		w.list("a", "b")
		p.set(p.fails, "a", true)
		w.pass(30 * time.Second)
		w.reload(health(p, func(h *Health) { h.Interval *= 2 }))
		w.wantServing("b")
		other := health(p)
		other.key = "another probe"
		p.set(p.fails, "a", false)
		w.reload(other) // which checks at once, and whose first result decides
		w.pass(100 * time.Millisecond)
		w.wantServing("a b")
		w.reload() // no checks at all
		w.wantServing("a b")
	}, health(p))
}

func TestOnlyTheNewestDefinitionChecks(t *testing.T) {
	old, newer := script(), script()
	caring(t, func(w *ward) {
		w.list("a")
		w.pass(time.Minute)
		next := w.acquire(zap.NewNop(), health(newer))
		w.pass(time.Second)
		before := len(old.times("a"))
		w.pass(time.Minute)
		if n := len(old.times("a")); n > before+1 || len(newer.times("a")) < 10 {
			t.Errorf("the old one checked %d times more, the newer one %d times", n-before, len(newer.times("a")))
		}
		next.Release() // as when the new config fails to load
		before = len(old.times("a"))
		w.pass(time.Minute)
		if n := len(old.times("a")) - before; n < 10 {
			t.Errorf("the old one checked %d times", n)
		}
	}, health(old))
}

func TestWhoLeavesIsNotCheckedAnyMore(t *testing.T) {
	p := script()
	caring(t, func(w *ward) {
		w.list("a", "b")
		p.set(p.fails, "b", true)
		w.pass(time.Minute)
		b := w.endpoint("b")
		w.list("a")
		before := len(p.times("b"))
		w.pass(time.Minute)
		if n := len(p.times("b")); n != before || b.Conditions() != 0 {
			t.Errorf("%d more checks, conditions %b", n-before, b.Conditions())
		}
	}, health(p))
}

// panicking is anybody's probe.
type panicking struct{}

func (panicking) Check(context.Context, *Target) error { panic("oops") }

func TestAProbeThatPanicsFails(t *testing.T) {
	caring(t, func(w *ward) {
		w.list("a")
		w.pass(time.Second)
		if v := w.endpoint("a").Verdict(); v.Passes || !strings.Contains(v.Last, "the probe panicked: oops") {
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
	caring(t, func(w *ward) {
		w.list("a", "b")
		w.pass(time.Minute)
		w.wantServing("a b")
		drain, half := endpoint.AdvisedDrain, 50
		p.advice.Store(&endpoint.Advice{Mode: &drain, Percent: &half})
		w.pass(10 * time.Second)
		w.wantServing("a b") // both, since there is nobody else
		if s := w.claim.Roster.Snapshot(); s.Mode != endpoint.Draining {
			t.Errorf("mode %s", s.Mode)
		}
		p.advice.Store(&endpoint.Advice{})
		w.pass(10 * time.Second)
		if s := w.claim.Roster.Snapshot(); s.Mode != endpoint.Draining {
			t.Error("what is not mentioned stays")
		}
		ready := endpoint.AdvisedReady
		p.advice.Store(&endpoint.Advice{Mode: &ready})
		w.pass(10 * time.Second)
		if s := w.claim.Roster.Snapshot(); s.Mode != endpoint.Healthy {
			t.Errorf("mode %s", s.Mode)
		}
	}, health(p))
}
