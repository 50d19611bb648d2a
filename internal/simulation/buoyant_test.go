package simulation

import (
	"testing"
	"time"
)

// buoyant is the experiment of "Beyond Round Robin" (Buoyant, 2016), the reason why Finagle and
// Linkerd use peak EWMA. Eleven backends replay the latencies of a production service. For half of
// the time one of them answers in two seconds. A response within one second is a success.
var buoyant = scenario{
	name:     "buoyant",
	seeds:    3,
	rate:     1000,
	duration: 60 * time.Second,
	deadline: 5 * time.Second,
	within:   time.Second,
	backends: 11,
	server:   func(int) server { return new(replay) },
	draw:     production,
	happen: func(f *fleet) {
		slow := f.backends[0].server.(*replay)
		f.at(15*time.Second, func() { slow.fixAt(2 * time.Second) })
		f.at(45*time.Second, func() { slow.fixAt(0) })
	},
	watched: []int{0},
	// While it is slow, and from the fifth to the tenth second afterwards.
	phases: []window{{15 * time.Second, 45 * time.Second}, {50 * time.Second, 55 * time.Second}},
	check: func(t *testing.T, m measured) {
		// The published results are 95, 99 and 99.9 %. The result of round robin can be calculated:
		// for half of the time one of eleven is late, which leaves 1 - 30/60/11 = 95.45 %.
		m.between(t, "round_robin", success, .9530, .9560)
		m.between(t, "random_choose 2", success, .9935, .9960)
		m.between(t, "least_conn", success, .9940, .9965)
		m.atLeast(t, "adaptive_latency", success, .9993)
		m.atMost(t, "adaptive_latency", p999, 210)
		m.atMostTimes(t, "adaptive_latency", p50, 1.02, "least_conn")
		m.atLeast(t, "adaptive_latency", share(1), .7)
	},
}
