package simulation

import (
	"net/http"
	"testing"
	"time"
)

// Settings of pools, as a user would write them. The simulated probe makes the checks.
var (
	plainPool = map[string]any{}
	ejecting  = map[string]any{"outlier": map[string]any{}}
	checking  = map[string]any{"health": map[string]any{"interval": "2s"}}
	both      = map[string]any{"outlier": map[string]any{}, "health": map[string]any{"interval": "2s"}}
)

const (
	roundRobin = `{"policy":"smooth_weighted_round_robin"}`
	adaptive   = `{"policy":"adaptive_latency"}`
)

// holeEjected is the black hole, with and without ejection. A policy that only counts requests
// sends the more of them there, the faster they fail.
var holeEjected = scenario{
	name:     "black hole, ejected",
	seeds:    2,
	rate:     hole.rate,
	duration: hole.duration,
	deadline: hole.deadline,
	backends: hole.backends,
	members:  hole.backends,
	server:   hole.server,
	draw:     hole.draw,
	happen:   hole.happen,
	watched:  hole.watched,
	phases:   hole.phases,
	policies: []policy{
		{name: "round robin", config: roundRobin, pool: plainPool},
		{name: "round robin, ejecting", config: roundRobin, pool: ejecting, ours: true},
		{name: "least_conn, ejecting", config: `{"policy":"least_conn"}`, pool: ejecting, ours: true},
		{name: "adaptive_latency, ejecting", config: adaptive, pool: ejecting, ours: true},
	},
	baseline: "round robin",
	check: func(t *testing.T, m measured) {
		m.between(t, "round robin", failures, .049, .051)
		// Ejection needs five failures in a row, of 60,000 requests. Responses to earlier requests
		// may interrupt the row once or twice.
		for _, p := range []string{"round robin, ejecting", "least_conn, ejecting", "adaptive_latency, ejecting"} {
			m.atMost(t, p, failures, .0005)
		}
	},
}

// oneDown is a pool of three. One of them refuses connections for a while, and each request may be
// retried once.
var oneDown = scenario{
	name:     "one of three down",
	seeds:    2,
	rate:     300,
	duration: 60 * time.Second,
	deadline: 5 * time.Second,
	backends: 3,
	members:  3,
	retries:  1,
	server:   func(int) server { return new(replay) },
	draw:     production,
	happen: func(f *fleet) {
		f.at(10*time.Second, func() { f.backends[0].fault.Store(&fault{after: time.Millisecond, refuses: true}) })
		f.at(40*time.Second, func() { f.backends[0].fault.Store(nil) })
	},
	watched: []int{0},
	phases:  []window{{14 * time.Second, 40 * time.Second}, {50 * time.Second, 60 * time.Second}},
	policies: []policy{
		{name: "round robin", config: roundRobin, pool: plainPool},
		{name: "round robin, checking", config: roundRobin, pool: checking, ours: true},
		{name: "adaptive_latency, checking", config: adaptive, pool: checking, ours: true},
	},
	baseline: "round robin",
	check: func(t *testing.T, m measured) {
		for _, p := range []string{"round robin, checking", "adaptive_latency, checking"} {
			m.never(t, p, failures)
			m.never(t, p, share(0))
			m.between(t, p, share(1), .9, 1.1)
		}
	},
}

// halfDown is a pool that loses half of its backends at once, at a load that the others can carry.
var halfDown = scenario{
	name:     "half of ten down",
	seeds:    2,
	rate:     .35 * 10 * 16 / .100,
	duration: 40 * time.Second,
	deadline: 5 * time.Second,
	backends: 10,
	members:  10,
	retries:  2,
	server:   func(int) server { return newSharing(16, 1) },
	draw:     positiveNormal(100 * time.Millisecond),
	happen: func(f *fleet) {
		f.at(10*time.Second, func() {
			for _, b := range f.backends[:5] {
				b.fault.Store(&fault{after: time.Millisecond, refuses: true})
			}
		})
	},
	watched: first(5),
	phases:  []window{{14 * time.Second, 40 * time.Second}},
	policies: []policy{
		{name: "round robin", config: roundRobin, pool: plainPool},
		{name: "round robin, checking and ejecting", config: roundRobin, pool: both, ours: true},
		{name: "adaptive_latency, checking and ejecting", config: adaptive, pool: both, ours: true},
	},
	baseline: "round robin",
	check: func(t *testing.T, m measured) {
		for _, p := range []string{"round robin, checking and ejecting", "adaptive_latency, checking and ejecting"} {
			m.never(t, p, share(0)) // from four seconds on, when the checks know all five
			// Until the first are ejected, three attempts meet three of the five failed backends
			// one time in twelve.
			m.atMost(t, p, failures, .001)
		}
	},
}

// checksFail is a pool whose checks fail although every backend works, as after a change of the
// page that they request.
var checksFail = scenario{
	name:     "all checks fail",
	seeds:    2,
	rate:     200,
	duration: 40 * time.Second,
	deadline: 5 * time.Second,
	backends: 5,
	members:  5,
	server:   func(int) server { return new(replay) },
	draw:     production,
	happen: func(f *fleet) {
		f.at(10*time.Second, func() {
			for _, b := range f.backends {
				b.fault.Store(&fault{checks: true, status: http.StatusOK})
			}
		})
	},
	watched: []int{0},
	phases:  []window{{20 * time.Second, 40 * time.Second}},
	policies: []policy{
		{name: "fail_open 0%", config: roundRobin, pool: checking, ours: true},
		{name: "fail_open 50%", config: roundRobin, pool: with(checking, "fail_open", 50), ours: true},
		{name: "fail_open off", config: roundRobin, pool: with(checking, "fail_open", -1), ours: true},
	},
	check: func(t *testing.T, m measured) {
		m.never(t, "fail_open 0%", failures)
		m.never(t, "fail_open 50%", failures)
		m.between(t, "fail_open 0%", share(0), .9, 1.1)
		// Requests fail from two to four seconds after the checks begin to fail, until the end.
		m.between(t, "fail_open off", failures, 26./40, 29./40)
	},
}

// with returns a copy of a pool's settings with one more.
func with(pool map[string]any, key string, value any) map[string]any {
	more := map[string]any{key: value}
	for k, v := range pool {
		more[k] = v
	}
	return more
}

// deploy replaces every backend of a pool, one every two seconds. A new backend gets requests after
// its first check has passed. A removed one finishes the requests that it has.
var deploy = scenario{
	name:     "deploy",
	seeds:    2,
	rate:     .6 * 10 * 16 / .100,
	duration: 30 * time.Second,
	deadline: 5 * time.Second,
	backends: 20,
	members:  10,
	server:   func(int) server { return newSharing(16, 1) },
	draw:     positiveNormal(100 * time.Millisecond),
	happen: func(f *fleet) {
		for i := 1; i <= 10; i++ {
			f.at(time.Duration(3+2*i)*time.Second, func() { f.membership.setRange(i, i+10) })
		}
	},
	watched: []int{10},
	phases:  []window{{6 * time.Second, 30 * time.Second}},
	policies: []policy{
		{name: "round robin", config: roundRobin, pool: both, ours: true},
		{name: "adaptive_latency", config: adaptive, pool: both, ours: true},
		{name: "adaptive_latency, slow start", config: adaptive, pool: with(both, "slow_start", "5s"), ours: true},
	},
	check: func(t *testing.T, m measured) {
		for _, p := range []string{"round robin", "adaptive_latency", "adaptive_latency, slow start"} {
			m.never(t, p, failures)
		}
		m.atMostTimes(t, "adaptive_latency, slow start", p99, 1.2, "adaptive_latency")
	},
}

// cold is a pool that a machine joins which has to warm up. It starts at a tenth of its speed and
// reaches all of it after 20 seconds.
var cold = scenario{
	name:     "cold newcomer",
	seeds:    3, // the highest moment varies by a quarter from run to run
	rate:     .7 * 10 * 4 / .050,
	duration: 50 * time.Second,
	deadline: 5 * time.Second,
	backends: 11,
	members:  10,
	server:   func(int) server { return newSharing(4, 1) },
	draw:     exponential(50 * time.Millisecond),
	happen: func(f *fleet) {
		newcomer := f.backends[10].server.(*sharing)
		newcomer.setSpeed(.1)
		f.at(20*time.Second, func() { f.membership.set(11) })
		for warm := time.Second; warm <= 20*time.Second; warm += time.Second {
			f.at(20*time.Second+warm, func() { newcomer.setSpeed(max(.1, warm.Seconds()/20)) })
		}
	},
	watched: []int{10},
	phases:  []window{{20 * time.Second, 30 * time.Second}, {45 * time.Second, 50 * time.Second}},
	policies: []policy{
		{name: "round robin", config: roundRobin, pool: plainPool, ours: true},
		{name: "round robin, slow start", config: roundRobin, pool: with(plainPool, "slow_start", "20s"), ours: true},
		{name: "adaptive_latency", config: adaptive, pool: plainPool, ours: true},
		{name: "adaptive_latency, slow start", config: adaptive, pool: with(plainPool, "slow_start", "20s"), ours: true},
	},
	check: func(t *testing.T, m measured) {
		m.atMostTimes(t, "round robin, slow start", crowding, .55, "round robin")
		m.atMostTimes(t, "round robin, slow start", p999, .5, "round robin")
		m.between(t, "round robin, slow start", share(1), .95, 1.05)
		// adaptive_latency measures how slow the new backend is, and soon gives it less than the
		// ramp would.
		m.atMost(t, "adaptive_latency, slow start", crowding, 3)
	},
}
