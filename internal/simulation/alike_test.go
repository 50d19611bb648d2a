package simulation

import (
	"testing"
	"time"
)

// alike is a fleet in which the latency says nothing that the number in flight does not say better:
// equal machines at 0.7 of their capacity, behind one proxy. A policy that looks at latency must do
// no harm here by following noise. Both policies get the same requests, so their ratio is known to
// half a per cent.
var alike = scenario{
	name:     "alike",
	seeds:    3,
	rate:     .7 * 12 * 4 / .030,
	duration: 10 * time.Second,
	deadline: 5 * time.Second,
	backends: 12,
	server:   func(int) server { return newSharing(4, 1) },
	draw:     exponential(30 * time.Millisecond),
	policies: rivals,
	baseline: "least_conn",
	check: func(t *testing.T, m measured) {
		m.atMostTimes(t, "adaptive_latency", p99, 1.03, "least_conn")
	},
}

// alikeHundred has a hundred machines with one core each. This is the supermarket model, and its
// mean for the best of two out of many is known: 1.614 times the mean work (Mitzenmacher, 1996).
// The simulator must agree with it.
var alikeHundred = scenario{
	name:     "alike, 100",
	seeds:    3,
	rate:     .7 * 100 / .010,
	duration: 3 * time.Second,
	deadline: 5 * time.Second,
	backends: 100,
	server:   func(int) server { return newSharing(1, 1) },
	draw:     exponential(10 * time.Millisecond),
	baseline: "least_conn",
	check: func(t *testing.T, m measured) {
		m.between(t, "random_choose 2", average, 16.14*.97, 16.14*1.03)
		m.atMostTimes(t, "adaptive_latency", p99, 1.03, "least_conn")
	},
}
