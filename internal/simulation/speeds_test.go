package simulation

import (
	"testing"
	"time"
)

// speeds is a fleet of three generations of machines, each twice as fast as the one before, at 0.85
// of their total capacity. Eight proxies have no data about each other. The slowest third has 4/28
// of the capacity.
var speeds = scenario{
	name:     "speeds 1 2 4",
	seeds:    3,
	rate:     .85 * 4 * (4*1 + 4*2 + 4*4) / .050,
	duration: 10 * time.Second,
	deadline: 5 * time.Second,
	backends: 12,
	proxies:  8,
	server:   func(i int) server { return newSharing(4, []float64{1, 2, 4}[i/4]) },
	draw:     exponential(50 * time.Millisecond),
	watched:  first(4),
	fair:     4. / 28,
	phases:   []window{{5 * time.Second, 10 * time.Second}},
	baseline: "least_conn",
	check: func(t *testing.T, m measured) {
		// If the proxies saw each other's requests, least_conn would do as well as with one proxy.
		m.between(t, "least_conn", p99, 210, 290)
		m.atMostTimes(t, "adaptive_latency", p99, .75, "least_conn")
		m.atMost(t, "adaptive_latency", share(0), 1.1)
	},
}

// speedsOneProxy is the same fleet behind one proxy, whose own counts are the whole load. That
// makes least_conn hard to beat: even a choice by the true speeds and the true numbers in flight
// has a p99 of 0.8 times that of least_conn.
var speedsOneProxy = scenario{
	name:     "speeds 1 2 4, one proxy",
	seeds:    3,
	rate:     speeds.rate,
	duration: speeds.duration,
	deadline: speeds.deadline,
	backends: speeds.backends,
	server:   speeds.server,
	draw:     speeds.draw,
	watched:  speeds.watched,
	fair:     speeds.fair,
	phases:   speeds.phases,
	policies: rivals,
	baseline: "least_conn",
	check: func(t *testing.T, m measured) {
		m.between(t, "least_conn", p99, 135, 170)
		m.atMostTimes(t, "adaptive_latency", p99, .9, "least_conn")
	},
}
