package simulation

import (
	"testing"
	"time"
)

// refused is a fleet where two of sixteen stop listening for a while, as when a deployment went wrong. Every request may be tried
// once more.
var refused = scenario{
	name:     "refused",
	seeds:    5,
	rate:     500,
	duration: 20 * time.Second,
	deadline: 5 * time.Second,
	backends: 16,
	retries:  1,
	server:   func(int) server { return new(replay) },
	draw:     production,
	happen: func(f *fleet) {
		for _, b := range f.backends[:2] {
			f.at(5*time.Second, func() { b.fault.Store(&fault{after: time.Millisecond, refuses: true}) })
		}
	},
	odd:    []int{0, 1},
	phases: []window{{5 * time.Second, 20 * time.Second}},
	check: func(t *testing.T, m measured) {
		for _, s := range m["adaptive_latency"] {
			if s.failed > 0 {
				t.Errorf("adaptive_latency: %.3f %% of all requests failed; expected none", 100*s.failed)
			}
		}
	},
}
