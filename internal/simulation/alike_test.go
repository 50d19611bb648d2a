package simulation

import (
	"testing"
	"time"
)

// alike is a fleet where latency tells nothing that the number in flight does not tell better: a hundred equal machines at 0.7 of
// what they can do. A policy that looks at latency must not do harm here by chasing noise.
var alike = scenario{
	name:     "alike",
	seeds:    5,
	rate:     .7 * 100 / .010,
	duration: 5 * time.Second,
	deadline: 5 * time.Second,
	backends: 100,
	server:   func(int) server { return newSharing(1, 1) },
	draw:     exponential(10 * time.Millisecond),
	check: func(t *testing.T, m measured) {
		// With one core each and exponential work this is the supermarket model, whose mean is known for the best of two out of
		// many servers: 1.614 times the mean work (Mitzenmacher, 1996). The simulator must agree.
		m.between(t, "random_choose 2", average, 16.14*.97, 16.14*1.03)
		m.atMostTimes(t, "adaptive_latency", p99, 1.03, "least_conn")
	},
}
