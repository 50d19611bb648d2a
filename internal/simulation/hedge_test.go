package simulation

import (
	"slices"
	"testing"
	"time"
)

// hedging are the scenarios of second attempts.
var hedging = slices.Concat([]scenario{stalls}, variants(stallsNowhere))

// hedgedPool is a pool with the default settings.
var hedgedPool = map[string]any{"hedge": map[string]any{"percentile": 95, "max": 5}}

// stalls has one of ten machines stall one request in twenty for two seconds, as by a lost packet
// or a full queue of a disk. The next request there is answered at once, so that no policy can
// foresee it.
var stalls = hedgeScenario("stalls", func(t *testing.T, m measured) {
	m.atMostTimes(t, "round robin, hedged", p999, .5, "round robin")
	// adaptive_latency sends that machine so little that with some seeds the 99.9th percentile is
	// of a request that did not stall, and the best is 0.6 times that.
	m.atMostTimes(t, "adaptive_latency, hedged", p999, .75, "adaptive_latency")
	for _, p := range []string{"round robin", "adaptive_latency"} {
		m.atMost(t, p+", hedged", attempts, 1.05)
		m.atMostTimes(t, p+", hedged", p50, 1.03, p)
		if times, ok := m.median(t, p+", hedged", attempts); ok {
			t.Logf("%s: %.4f attempts for each request", p, times)
		}
	}
}).with(func(s *scenario) {
	s.happen = func(f *fleet) {
		f.backends[0].fault.Store(&fault{after: 2 * time.Second, status: 200, path: "/", share: .05})
	}
})

// stallsNowhere is the same traffic without a stall. Hedges do no harm.
var stallsNowhere = hedgeScenario("stalls nowhere", func(t *testing.T, m measured) {
	m.atMostTimes(t, "adaptive_latency, hedged", p99, 1.03, "adaptive_latency")
	m.atMostTimes(t, "round robin, hedged", p99, 1.03, "round robin")
	m.atMost(t, "adaptive_latency, hedged", attempts, 1.05)
})

func hedgeScenario(name string, check func(t *testing.T, m measured)) scenario {
	return everydayScenario(name, 30*time.Second, []kind{{
		rate: .6 * 10 * 4 / .020, request: get("/"), work: exponential(20 * time.Millisecond),
	}}, check).with(func(s *scenario) {
		s.members = s.backends
		s.watched, s.phases = []int{0}, []window{{0, 30 * time.Second}}
		s.policies = []policy{
			{name: "round robin", config: roundRobin, pool: plainPool, ours: true},
			{name: "round robin, hedged", config: roundRobin, pool: hedgedPool, ours: true},
			{name: "adaptive_latency", config: adaptive, pool: plainPool, ours: true},
			{name: "adaptive_latency, hedged", config: adaptive, pool: hedgedPool, ours: true},
		}
	})
}
