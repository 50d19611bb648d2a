package simulation

import (
	"testing"
	"time"
)

// newcomer is a fleet at 0.7 load that an eleventh machine of the same kind joins. It has no
// measurements and nothing in flight yet. It should still get no more than it can serve, and soon
// its fair share.
var newcomer = scenario{
	name:     "newcomer",
	seeds:    3,
	rate:     .7 * 10 * 16 / .100,
	duration: 20 * time.Second,
	deadline: 5 * time.Second,
	backends: 11,
	members:  10,
	server:   func(int) server { return newSharing(16, 1) },
	// Exponential work would hide the effect: with it, the number in flight varies more than it
	// does because of a new backend.
	draw: positiveNormal(100 * time.Millisecond),
	happen: func(f *fleet) {
		f.at(5*time.Second, func() { f.membership.set(11) })
	},
	watched: []int{10},
	phases:  []window{{5 * time.Second, 10 * time.Second}, {10 * time.Second, 15 * time.Second}},
	check: func(t *testing.T, m measured) {
		m.atMost(t, "adaptive_latency", crowding, 1.5)
		m.between(t, "adaptive_latency", share(1), .9, 1.1)
	},
}
