package simulation

import (
	"testing"
	"time"
)

// antagonists is the testbed of Prequal (Wydrowski et al., 2024): 100 backends on machines that
// they share with other programs, behind 20 proxies that have no data about each other. Most
// machines leave a backend more than its allotment. A fifth leave it the allotment only, and often
// half of that. The load is 0.9 of all allotments. What the other programs leave changes twice a
// second.
var antagonists = scenario{
	name:     "antagonists",
	seeds:    3,
	rate:     .9 * 100 * 4 / .080,
	duration: 8 * time.Second,
	deadline: 5 * time.Second,
	backends: 100,
	proxies:  20,
	server:   func(int) server { return newSharing(4, 1) },
	draw:     positiveNormal(80 * time.Millisecond),
	happen: func(f *fleet) {
		for at := time.Duration(0); at < 13*time.Second; at += 500 * time.Millisecond {
			f.at(at, f.disturb)
		}
	},
	watched:  first(20),
	phases:   []window{{0, 8 * time.Second}},
	baseline: "least_conn",
	check: func(t *testing.T, m measured) {
		m.atMostTimes(t, "adaptive_latency", p99, .5, "least_conn")
	},
}

// antagonistsEight has fewer proxies, beside the oracle, which knows what they cannot.
var antagonistsEight = antagonists.with(func(s *scenario) {
	s.name, s.proxies, s.policies = "antagonists, 8 proxies", 8, everyday
	s.check = func(t *testing.T, m measured) {
		m.atMostTimes(t, "adaptive_latency", p99, .75, "least_conn")
		m.atMostTimes(t, "adaptive_latency", p99, 1.6, "oracle")
	}
})

// disturb draws a new speed for every machine: what the other programs leave to the backend.
func (f *fleet) disturb() {
	for i, b := range f.backends {
		low, high, burst, often := 1.5, 2.5, .8, .05
		if i < len(f.backends)/5 {
			low, high, burst, often = .9, 1.1, .5, .2
		}
		speed := low + f.rng.Float64()*(high-low)
		if f.rng.Float64() < often {
			speed = burst
		}
		b.server.(*sharing).setSpeed(speed)
	}
}

// first returns the indexes of the first n backends.
func first(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}
