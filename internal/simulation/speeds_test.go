package simulation

import (
	"testing"
	"time"
)

// speeds is a fleet of three generations of machines, each twice as fast as the last, at 0.85 of what they can do together.
var speeds = scenario{
	name:     "speeds 1, 2 and 4",
	seeds:    3,
	rate:     .85 * 4 * (4*1 + 4*2 + 4*4) / .050,
	duration: 15 * time.Second,
	deadline: 5 * time.Second,
	backends: 12,
	server:   func(i int) server { return newSharing(4, []float64{1, 2, 4}[i/4]) },
	draw:     exponential(50 * time.Millisecond),
	odd:      []int{0, 1, 2, 3},
	fair:     4. / 28,
	phases:   []window{{5 * time.Second, 15 * time.Second}},
	also: []policy{
		{"weighted_round_robin 1 2 4", `{"policy":"weighted_round_robin","weights":[1,1,1,1,2,2,2,2,4,4,4,4]}`},
		{"smooth_weighted_round_robin 1 2 4", `{"policy":"smooth_weighted_round_robin","weights":[1,1,1,1,2,2,2,2,4,4,4,4]}`},
	},
	check: func(t *testing.T, m measured) {
		m.atMostTimes(t, "adaptive_latency", p99, .75, "least_conn")
		m.atMostTimes(t, "smooth_weighted_round_robin 1 2 4", p99, 1, "weighted_round_robin 1 2 4")
	},
}
