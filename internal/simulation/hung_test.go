package simulation

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

// allSorts is everything at once: polls, websockets, event streams, stalled uploads, many paths,
// and calls that differ.
var allSorts = slices.Concat(quickPaths(300), searches(100), ordinary(700, polling(5),
	kind{
		rate: 50, until: 4 * time.Second, lasts: time.Minute,
		request: get("/live"), header: websocketHeader, answer: upgraded, leaves: true, unmeasured: true,
	},
	kind{
		rate: 2, lasts: time.Minute, request: get("/events"),
		header: http.Header{"Accept": {"text/event-stream"}}, answer: silentThenStreamed, unmeasured: true,
	},
	kind{
		rate: 1, lasts: 30 * time.Second, request: post("/upload"),
		answer: received, stalls: true, leaves: true, unmeasured: true,
	},
))

// hungAmongAll has one of ten machines stop answering, in the middle of traffic of all sorts. Its
// connections are accepted and nothing comes back. Its websockets stay open, its polls wait as
// polls do, and its stalled uploads are the clients' own. Only the quick requests tell, and all
// that reach it are lost after five seconds.
//
// A policy that compares the age of what waits with what is usual for it notices after a few
// requests. One that counts requests sends new ones whenever the old ones are given up.
var hungAmongAll = everydayScenario("one hangs among all", 35*time.Second, allSorts,
	func(t *testing.T, m measured) {
		m.atMostTimes(t, "adaptive_latency", p99, 1, "least_conn")
		m.atMostTimes(t, "adaptive_latency", failures, .5, "least_conn")
		// Sockets and quick requests that try it again come to less than a twentieth of its share.
		m.atMost(t, "adaptive_latency", share(0), .05)
	}).with(func(s *scenario) {
	s.deadline = 5 * time.Second
	s.watched = []int{0}
	s.phases = []window{{17 * time.Second, 35 * time.Second}}
	s.happen = func(f *fleet) {
		f.at(15*time.Second, func() {
			f.backends[0].server.(*sharing).setSpeed(0)
			f.backends[0].fault.Store(&fault{hangs: true})
		})
	}
})

// allAmongAlike is the same traffic to machines that all work.
var allAmongAlike = everydayScenario("all sorts", 35*time.Second, allSorts, harmlessAndEven)
