package simulation

import (
	"testing"
	"time"
)

// weights is a fleet of a large, a medium and a small machine at 0.7 of their capacity. Their
// weights are proportional to their cores. A policy that uses up a weight at once sends 60 requests
// in a row to the first machine, then 30 to the second.
var weights = scenario{
	name:     "weights 60 30 10",
	seeds:    3,
	rate:     .7 * 20 / .050,
	duration: 30 * time.Second,
	deadline: 5 * time.Second,
	backends: 3,
	server:   func(i int) server { return newSharing([]int{12, 6, 2}[i], 1) },
	draw:     exponential(50 * time.Millisecond),
	watched:  []int{0},
	fair:     .6,
	phases:   []window{{0, 30 * time.Second}},
	policies: []policy{
		{name: "weighted_round_robin", config: `{"policy":"weighted_round_robin","weights":[60,30,10]}`},
		{name: "smooth_weighted_round_robin", config: `{"policy":"smooth_weighted_round_robin","weights":[60,30,10]}`, ours: true},
		{name: "weighted_random", config: `{"policy":"weighted_random","weights":[60,30,10]}`, ours: true},
		{name: "weighted_least_conn", config: `{"policy":"weighted_least_conn","weights":[60,30,10]}`, ours: true},
	},
	baseline: "weighted_round_robin",
	check: func(t *testing.T, m measured) {
		m.atMostTimes(t, "smooth_weighted_round_robin", p99, .9, "weighted_round_robin")
		m.between(t, "smooth_weighted_round_robin", share(0), .999, 1.001)
		m.atMostTimes(t, "weighted_least_conn", p99, .95, "smooth_weighted_round_robin")
		m.between(t, "weighted_random", share(0), .97, 1.03)
	},
}
