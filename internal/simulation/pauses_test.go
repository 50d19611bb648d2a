package simulation

import (
	"testing"
	"time"
)

// pauses is a fleet at 0.6 load of which a fifth stops for 200 ms every two seconds, one after the other, as garbage collection
// of a large heap does.
var pauses = scenario{
	name:     "pauses",
	seeds:    3,
	rate:     .6 * 20 * 4 / .020,
	duration: 20 * time.Second,
	deadline: 5 * time.Second,
	backends: 20,
	server:   func(int) server { return newSharing(4, 1) },
	draw:     exponential(20 * time.Millisecond),
	happen: func(f *fleet) {
		for i, b := range f.backends[:4] {
			for at := time.Duration(i) * 500 * time.Millisecond; at < 20*time.Second; at += 2 * time.Second {
				f.at(at, func() { b.server.(*sharing).setSpeed(0) })
				f.at(at+200*time.Millisecond, func() { b.server.(*sharing).setSpeed(1) })
			}
		}
	},
	odd:    []int{0, 1, 2, 3},
	phases: []window{{0, 20 * time.Second}},
	check: func(t *testing.T, m measured) {
		m.atMostTimes(t, "adaptive_latency", p99, .95, "least_conn")
	},
}
