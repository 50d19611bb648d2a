package simulation

import (
	"testing"
	"time"
)

// pollsOneSlow is ordinary traffic while one of ten machines is four times slower for 20 s: a
// backup, a noisy neighbour, a cold cache. What the polls say must not hide it, and it must not be
// confused with them. round_robin sends the machine more than it can do; least_conn fills it up to
// as many requests as the others have, and with polls that number is large.
//
// A policy that sees the slow machine has almost no request wait for it, so p99 must be below that
// of least_conn and p99.9 far below.
var pollsOneSlow = everydayScenario("polls, one slow", 40*time.Second, ordinary(900, polling(1.8)),
	func(t *testing.T, m measured) {
		beneficial(t, m)
		m.atMostTimes(t, "adaptive_latency", p999, .75, "least_conn")
	}).with(func(s *scenario) {
	s.seeds = 3 // p99.9 varies by a third from run to run
	s.happen = func(f *fleet) {
		slow := f.backends[0].server.(*sharing)
		f.at(10*time.Second, func() { slow.setSpeed(.25) })
		f.at(30*time.Second, func() { slow.setSpeed(1) })
	}
	s.watched = []int{0}
	s.phases = []window{{11 * time.Second, 30 * time.Second}, {35 * time.Second, 40 * time.Second}}
})

// beneficial checks that adaptive_latency is better than least_conn and fails no request.
func beneficial(t *testing.T, m measured) {
	t.Helper()
	m.atMostTimes(t, "adaptive_latency", p99, 1, "least_conn")
	m.atMost(t, "adaptive_latency", failures, 0)
}
