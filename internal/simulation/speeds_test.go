package simulation

import (
	"testing"
	"time"
)

// speeds is a fleet of three generations of machines, each twice as fast as the last, at 0.85 of what they can do together, behind
// eight proxies that know nothing of one another. The slowest third can do 4/28 of the work.
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
	odd:      first(4),
	fair:     4. / 28,
	phases:   []window{{5 * time.Second, 10 * time.Second}},
	baseline: "least_conn",
	check: func(t *testing.T, m measured) {
		// If proxies knew of one another, least_conn would do as well as with one of them.
		m.between(t, "least_conn", p99, 210, 290)
		m.atMostTimes(t, "adaptive_latency", p99, .75, "least_conn")
		m.atMost(t, "adaptive_latency", share(0), 1.1)
	},
}

// speedsOneProxy is the same fleet behind one proxy, whose own counts say all about the load. That makes least_conn hard to beat:
// when each choice is made by the true speeds and the true number in flight, p99 still is 0.8 times that of least_conn.
var speedsOneProxy = scenario{
	name:     "speeds 1 2 4, one proxy",
	seeds:    3,
	rate:     speeds.rate,
	duration: speeds.duration,
	deadline: speeds.deadline,
	backends: speeds.backends,
	server:   speeds.server,
	draw:     speeds.draw,
	odd:      speeds.odd,
	fair:     speeds.fair,
	phases:   speeds.phases,
	policies: rivals,
	baseline: "least_conn",
	check: func(t *testing.T, m measured) {
		m.between(t, "least_conn", p99, 135, 170)
		m.atMostTimes(t, "adaptive_latency", p99, .9, "least_conn")
	},
}
