package simulation

import (
	"testing"
	"time"
)

// newcomer is a fleet at 0.7 load that an eleventh machine of the same kind joins. Nothing is known of it, and it has nothing to do
// yet; still it should get no more than it can take, and soon its part.
var newcomer = scenario{
	name:     "newcomer",
	seeds:    3,
	rate:     .7 * 10 * 16 / .100,
	duration: 20 * time.Second,
	deadline: 5 * time.Second,
	backends: 11,
	members:  10,
	server:   func(int) server { return newSharing(16, 1) },
	// Exponential work would hide what the scenario is about: it makes what a backend has in flight vary more than a newcomer does.
	draw: positiveNormal(100 * time.Millisecond),
	happen: func(f *fleet) {
		f.at(5*time.Second, func() { f.membership.set(11) })
	},
	odd:    []int{10},
	phases: []window{{5 * time.Second, 10 * time.Second}, {10 * time.Second, 15 * time.Second}},
	check: func(t *testing.T, m measured) {
		m.atMost(t, "adaptive_latency", crowding, 1.5)
		m.between(t, "adaptive_latency", share(1), .9, 1.1)
	},
}
