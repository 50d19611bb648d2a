package limit

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// unloadedP99 is that of the model's work of 20 ms, which is exponential.
const unloadedP99 = 92 * time.Millisecond

// eachServer runs a test with endpoints whose cores are shared by all requests, and with endpoints
// where requests wait in line.
func eachServer(t *testing.T, test func(t *testing.T, shared bool)) {
	for _, shared := range []bool{true, false} {
		t.Run(fmt.Sprintf("shared=%v", shared), func(t *testing.T) { test(t, shared) })
	}
}

func TestAnOverloadIsRefusedBeforeItMakesRequestsWait(t *testing.T) {
	eachServer(t, func(t *testing.T, shared bool) {
		for _, cores := range []int{4, 32} {
			m := newModel(3, cores)
			m.shared = shared
			m.run(.5, 5)
			m.run(1.5, 10)
			m.run(1.5, 10)
			if m.goodput() < .9 || m.p99() > 3*unloadedP99 {
				t.Errorf("with %d cores, goodput is %.3f and p99 %v; want 0.9 and %v",
					cores, m.goodput(), m.p99(), 3*unloadedP99)
			}
		}
	})
}

func TestWithoutAnOverloadThereIsNoLimit(t *testing.T) {
	eachServer(t, func(t *testing.T, shared bool) {
		for _, at := range []float64{.1, .3, .7, .85} {
			m := newModel(5, 4)
			m.shared = shared
			m.run(at, 40)
			if m.refused > 0 {
				t.Errorf("at a load of %v, %d are refused", at, m.refused)
			}
		}
	})
}

func TestCheapAndDearRequestsAreNoOverload(t *testing.T) {
	eachServer(t, func(t *testing.T, shared bool) {
		m := newModel(5, 4)
		m.shared, m.patience = shared, 0
		m.kinds = []modelKind{{share: .96, work: .005}, {share: .04, work: .3}}
		m.run(.85, 40)
		if m.refused > 0 {
			t.Errorf("%d are refused", m.refused)
		}
	})
}

func TestALimitGoesAfterTheOverload(t *testing.T) {
	m := newModel(3, 4)
	m.run(.5, 5)
	m.run(1.5, 10)
	if m.endpoints[0].limit.Limit(&m.settings) == 0 {
		t.Fatal("there is no limit in the overload")
	}
	m.run(.5, 5)
	m.run(.5, 90)
	if m.refused > 0 {
		t.Errorf("%d are refused after the overload", m.refused)
	}
	for _, e := range m.endpoints {
		if n := e.limit.Limit(&m.settings); n > 0 {
			t.Errorf("there still is a limit of %d", n)
		}
	}
}

func TestEndpointsThatBecomeSlowerForGoodAreNoOverload(t *testing.T) {
	eachServer(t, func(t *testing.T, shared bool) {
		for _, cores := range []int{4, 32} {
			m := newModel(3, cores)
			m.shared, m.patience = shared, 0
			m.run(.25, 10)
			m.speed = 1. / 3
			m.run(.25, 60)
			m.run(.25, 20)
			if m.refusals() > .001 {
				t.Errorf("with %d cores, a share of %.4f is refused after a minute", cores, m.refusals())
			}
		}
	})
}

func TestEndpointsThatBecomeSlowerInAnOverloadStayBusy(t *testing.T) {
	eachServer(t, func(t *testing.T, shared bool) {
		for _, cores := range []int{4, 32} {
			m := newModel(3, cores)
			m.shared, m.patience = shared, 2*time.Second
			m.run(.5, 5)
			m.run(1.5, 15)
			m.speed = 1. / 3
			m.run(1.5, 40)
			m.run(1.5, 20)
			if m.goodput() < .9 {
				t.Errorf("with %d cores, goodput is %.3f after 40 s", cores, m.goodput())
			}
		}
	})
}

func TestASlowDependencyIsNoOverload(t *testing.T) {
	for _, cores := range []int{4, 32} {
		m := newModel(3, cores)
		m.run(.3, 10)
		m.kinds[0].dependency = .1
		m.run(.3, 30)
		if m.refusals() > .01 {
			t.Errorf("with %d cores, a share of %.4f is refused", cores, m.refusals())
		}
		m.run(.3, 20)
		if m.refused > 0 {
			t.Errorf("with %d cores, %d are refused after half a minute", cores, m.refused)
		}
	}
}

// Among the requests of one route, a few may take much longer than the others, as those that are in
// no cache do.
func TestCheapAndDearRequestsOfOneRouteAreNoOverload(t *testing.T) {
	eachServer(t, func(t *testing.T, shared bool) {
		for _, c := range []struct {
			cores      int
			dear, load float64
		}{{4, .05, .6}, {4, .15, .6}, {32, .01, .8}, {32, .05, .6}, {32, .15, .6}} {
			m := newModel(3, c.cores)
			m.shared, m.patience = shared, 0
			m.kinds = []modelKind{{share: 1, work: .005, dear: c.dear, dearWork: .5}}
			m.run(c.load, 60)
			if m.refused > 0 {
				t.Errorf("with %d cores, a share of %v that is dear and a load of %v, %d are refused",
					c.cores, c.dear, c.load, m.refused)
			}
		}
	})
}

func TestBurstsAreNoOverload(t *testing.T) {
	eachServer(t, func(t *testing.T, shared bool) {
		for _, between := range []float64{.2, .01, .0001} {
			for _, every := range []float64{1, 10} {
				m := newModel(1, 4)
				m.shared, m.patience = shared, 0
				m.run(.2, 5)
				for range 30 {
					m.refused = 0
					m.burst(60)
					refused := m.refused
					m.run(between, every)
					if refused += m.refused; refused > 0 {
						t.Fatalf("with a load of %v between bursts every %v s, %d are refused", between, every, refused)
					}
				}
			}
		}
	})
}

func TestALimitOfTheEveningDoesNotRefuseTheMorningsRequests(t *testing.T) {
	m := newModel(3, 4)
	m.run(.5, 5)
	m.run(1.5, 20)
	m.run(.01, 1)
	m.now += 8 * time.Hour.Seconds()
	m.burst(60)
	m.run(.8, 30)
	if m.refused > 0 {
		t.Errorf("%d are refused", m.refused)
	}
}

// Whatever answers say, and in whatever order, a limit stays within its bounds.
func TestALimitStaysWithinItsBounds(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 7))
		s := &AdaptiveSettings{Min: 1 + rng.IntN(5), Tolerance: 1.1 + 3*rng.Float64()}
		if seed%2 == 0 {
			s.Max = s.Min + rng.IntN(100)
		}
		var a Adaptive
		now := load.Instant(1)
		for range 3000 {
			now += load.Instant(rng.ExpFloat64() * 1e8)
			answer := Answer{
				Sent: now - load.Instant(rng.ExpFloat64()*1e8), Latency: rng.ExpFloat64() * float64(rng.IntN(100)),
				Unloaded: rng.ExpFloat64() * float64(rng.IntN(2)), Crowd: rng.IntN(1000), CrowdAtEnd: rng.IntN(1000),
				TimedOut: rng.IntN(10) == 0,
			}
			a.Observe(s, now, &answer)
			n := a.Limit(s)
			if n < s.Min && n != 0 || s.Max > 0 && (n > s.Max || n == 0) {
				t.Fatalf("seed %d: the limit is %d; the bounds are %d and %d", seed, n, s.Min, s.Max)
			}
		}
	}
}

func TestTheMaximumHoldsFromTheStart(t *testing.T) {
	var none *Adaptive
	if n := none.Limit(&AdaptiveSettings{Min: 3, Max: 20}); n != 20 {
		t.Errorf("the limit is %d, want 20", n)
	}
}

func TestALimitIsWithinTheBoundsOfTheNewestConfig(t *testing.T) {
	m := newModel(1, 4)
	m.run(.5, 5)
	m.run(1.5, 10)
	a := &m.endpoints[0].limit
	if n := a.Limit(&AdaptiveSettings{Min: 1, Max: 2}); n != 2 {
		t.Errorf("the limit is %d, and the maximum 2", n)
	}
	if n := a.Limit(&AdaptiveSettings{Min: 500}); n != 500 {
		t.Errorf("the limit is %d, and the minimum 500", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	b.ReportAllocs()
	s, a, now := &AdaptiveSettings{Min: 3, Tolerance: 1.5}, new(Adaptive), load.Instant(1)
	for b.Loop() {
		now += 1e6
		a.Observe(s, now, &Answer{Sent: now - 2e7, Latency: .02, Unloaded: .02, Crowd: 20, CrowdAtEnd: 20})
	}
}
