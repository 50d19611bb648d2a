package simulation

import (
	"testing"
	"time"
)

// refused is a fleet of sixteen. Two of them stop listening, the second a second after the first,
// as in a deployment that goes wrong. Every request may be retried once. If both stopped at once,
// the first request that meets one of them would be retried at the other with a chance of 1 in 15,
// whatever the policy.
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
		refuse := &fault{after: time.Millisecond, refuses: true}
		f.at(5*time.Second, func() { f.backends[0].fault.Store(refuse) })
		f.at(6*time.Second, func() { f.backends[1].fault.Store(refuse) })
	},
	watched: []int{0, 1},
	phases:  []window{{6 * time.Second, 20 * time.Second}},
	check: func(t *testing.T, m measured) {
		m.never(t, "adaptive_latency", failures)
	},
}
