package simulation

import (
	"testing"
	"time"
)

// overloads are the scenarios of adaptive limits.
var overloads = variants(overload, overloadShared, noOverload, everydayLimited, slowLimited, slowerForGood)

// limitedPool is a pool with the default settings.
var limitedPool = map[string]any{"adaptive_limit": map[string]any{}}

// limitCapacity is in requests per second, of four machines with four cores and requests of 20 ms.
const limitCapacity = 4 * 4 / .020

// limitUnloaded is the 99th percentile of such requests without load, in milliseconds.
const limitUnloaded = 92.1

// limitScenario sends a share of the capacity to four machines that share their cores among all
// requests. A policy runs without limits, as "plain", and with them.
func limitScenario(name string, load float64, config string, check func(*testing.T, measured)) scenario {
	return scenario{
		name:     name,
		seeds:    1,
		duration: 20 * time.Second,
		deadline: 2 * time.Second,
		backends: 4,
		members:  4,
		server:   func(int) server { return newSharing(4, 1) },
		traffic:  []kind{limitKind(load)},
		watched:  []int{0},
		phases:   []window{{0, 20 * time.Second}},
		policies: []policy{
			{name: "plain", config: config, pool: plainPool, ours: true},
			{name: "limited", config: config, pool: limitedPool, ours: true},
		},
		check: check,
	}
}

func limitKind(load float64) kind {
	return kind{rate: load * limitCapacity, request: get("/"), work: exponential(20 * time.Millisecond)}
}

// overload wants half as much again as the machines can do, after a time at half of it. Without
// limits, all requests wait until hardly any is answered in time. The result is of the time after
// the limits are there. A share of 2/3 is all that can succeed.
var overload = limitScenario("overload", .5, adaptive, func(t *testing.T, m measured) {
	checkOverload(t, m)
	m.atMost(t, "plain", success, .1)
}).with(func(s *scenario) {
	more := limitKind(1)
	more.since = 5 * time.Second
	s.traffic = append(s.traffic, more)
	s.from, s.within = 12*time.Second, 500*time.Millisecond
	s.server = func(int) server { return newWorkers(4, 1) }
	s.policies = append(s.policies, policy{
		name: "limited, by chance", config: `{"policy":"weighted_random"}`, pool: limitedPool, ours: true,
	})
})

// overloadShared is the same where all requests share the cores, so that each takes longer.
var overloadShared = overload.with(func(s *scenario) {
	s.name += ", shared"
	s.server = func(int) server { return newSharing(4, 1) }
	s.check = checkOverload
})

func checkOverload(t *testing.T, m measured) {
	t.Helper()
	for _, p := range []string{"limited", "limited, by chance"} {
		m.atLeast(t, p, success, .9/1.5)
		m.atMost(t, p, answered, 3*limitUnloaded)
	}
}

// noOverload is as much load as a fleet should have. Limits refuse nothing then, also where
// requests go by chance and queues form.
var noOverload = limitScenario("no overload, limited", .85, `{"policy":"weighted_random"}`,
	func(t *testing.T, m measured) {
		m.atMost(t, "limited", failures, 0)
		m.atMostTimes(t, "limited", p99, 1.6, "plain") // by chance it varies by a sixth
	}).with(func(s *scenario) { s.deadline = 10 * time.Second })

// everydayLimited is mixed traffic of an ordinary site. The polls, of which there are more than
// requests at work, are beside the limits.
var everydayLimited = everydayScenario("everyday, limited", 25*time.Second, ordinary(600, polling(6)),
	func(t *testing.T, m measured) {
		m.atMost(t, "limited", failures, 0)
		m.atMostTimes(t, "limited", p99, 1.25, "plain")
	}).with(func(s *scenario) {
	s.backends, s.members, s.baseline = 4, 4, ""
	s.server = func(int) server { return newSharing(4, 1) } // lines would make p99 a matter of chance
	s.policies = limitScenario("", 0, adaptive, nil).policies
})

// slowLimited has one machine that is four times slower, and a policy that does not see it. With
// limits, the others get what it cannot do.
var slowLimited = limitScenario("one slow, limited", .6, roundRobin, func(t *testing.T, m measured) {
	m.atLeast(t, "plain", failures, .08)
	m.atMost(t, "limited", failures, .03)
	m.atMost(t, "limited", share(0), .75)
}).with(func(s *scenario) {
	s.deadline = time.Second
	s.server = func(i int) server {
		if i == 0 {
			return newSharing(4, .25)
		}
		return newSharing(4, 1)
	}
})

// slowerForGood makes all machines three times slower. They can still do the work, at 0.75 of what
// they can do now, and nothing but that is different from an overload.
var slowerForGood = limitScenario("slower for good, limited", .25, roundRobin, func(t *testing.T, m measured) {
	m.atMost(t, "limited", failures, .002)
	m.atMostTimes(t, "limited", p99, 1.1, "plain")
}).with(func(s *scenario) {
	s.duration, s.deadline = 40*time.Second, 5*time.Second
	s.happen = func(f *fleet) {
		f.at(10*time.Second, func() {
			for _, b := range f.backends {
				b.server.(*sharing).setSpeed(1. / 3)
			}
		})
	}
})
