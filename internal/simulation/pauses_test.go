package simulation

import (
	"testing"
	"time"
)

// pauses is a fleet at 0.6 load behind eight proxies. A fifth of the machines stop for 200 ms every
// two seconds, one after the other, as garbage collection of a large heap does.
var pauses = scenario{
	name:     "pauses",
	seeds:    3,
	rate:     .6 * 20 * 4 / .020,
	duration: 12 * time.Second,
	deadline: 5 * time.Second,
	backends: 20,
	proxies:  8,
	server:   func(int) server { return newSharing(4, 1) },
	draw:     exponential(20 * time.Millisecond),
	happen:   pauseFour,
	watched:  first(4),
	phases:   []window{{0, 12 * time.Second}},
	baseline: "least_conn",
	check: func(t *testing.T, m measured) {
		m.atMostTimes(t, "adaptive_latency", p99, .95, "least_conn")
	},
}

// pausesOneProxy leaves little to gain. Even if no request reaches a stopped machine, p99 is 0.98
// times that of least_conn, because the longest work takes as long as a pause.
var pausesOneProxy = scenario{
	name:     "pauses, one proxy",
	seeds:    3,
	rate:     pauses.rate,
	duration: 8 * time.Second,
	deadline: pauses.deadline,
	backends: pauses.backends,
	server:   pauses.server,
	draw:     pauses.draw,
	happen:   pauseFour,
	watched:  pauses.watched,
	phases:   []window{{0, 8 * time.Second}},
	policies: rivals,
	baseline: "least_conn",
	check: func(t *testing.T, m measured) {
		m.atMostTimes(t, "adaptive_latency", p99, 1.03, "least_conn")
	},
}

// pauseFour stops each of the first four machines for 200 ms every two seconds, in turn.
func pauseFour(f *fleet) {
	for i, b := range f.backends[:4] {
		s := b.server.(*sharing)
		for at := time.Duration(i) * 500 * time.Millisecond; at < 12*time.Second; at += 2 * time.Second {
			f.at(at, func() { s.setSpeed(0) })
			f.at(at+200*time.Millisecond, func() { s.setSpeed(1) })
		}
	}
}
