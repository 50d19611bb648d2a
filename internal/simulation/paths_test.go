package simulation

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"
)

// manyPaths has paths that are hardly ever requested twice: hashes, numbers, identifiers, and what
// clients invent that look for weaknesses. Reports and polls have such paths too, so a policy that
// knows routes by their exact paths knows none of them. The invented paths have no pattern; they
// must not push out what is known of the others.
var manyPaths = everydayScenario("many paths", 40*time.Second, append(quickPaths(850),
	kind{rate: 36, request: reports, work: reporting, unmeasured: true},
	kind{rate: 4, request: pollsOf, answer: polled, lasts: 25 * time.Second, unmeasured: true},
), harmlessAndEven)

// quickPaths is quick requests, a third of them for invented paths.
func quickPaths(rate float64) []kind {
	return []kind{
		{rate: .35 * rate, request: images, work: exponential(5 * time.Millisecond)},
		{rate: .35 * rate, request: orders, work: exponential(5 * time.Millisecond)},
		{rate: .3 * rate, request: invented, work: exponential(2 * time.Millisecond)},
	}
}

func images(r *rand.Rand) (method, path string) {
	return http.MethodGet, fmt.Sprintf("/img/%016x", r.Uint64())
}

func orders(r *rand.Rand) (method, path string) {
	return http.MethodGet, fmt.Sprintf("/user/%d/orders", r.IntN(1_000_000))
}

func reports(r *rand.Rand) (method, path string) {
	return http.MethodGet, fmt.Sprintf("/report/%08x-%04x-4%03x-8%03x-%012x",
		r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), r.IntN(1<<12), r.Int64N(1<<48))
}

func pollsOf(r *rand.Rand) (method, path string) {
	return http.MethodGet, fmt.Sprintf("/room/%d/poll", r.IntN(1_000_000))
}

// invented draws a path of one to five segments of letters.
func invented(r *rand.Rand) (method, path string) {
	var text []byte
	for range 1 + r.IntN(5) {
		text = append(text, '/')
		for range 3 + r.IntN(8) {
			text = append(text, byte('a'+r.IntN(26)))
		}
	}
	return http.MethodGet, string(text)
}

// oneMethod has calls of one gRPC method that differ by a factor of 100: a cache that hits or
// misses, a query for one row or for all. Nothing in the request tells which it will be. The time
// of a call says little about its endpoint, and a few dear calls in a row say nothing. A policy
// that takes them for a slow endpoint moves the load to and fro.
//
// Only the times of the cheap calls are compared: they are those that wait behind others.
var oneMethod = everydayScenario("cheap and dear calls", 15*time.Second, searches(1800), harmless)

// searches is 0.6 of the capacity of the fleet at 2,000 per second.
func searches(rate float64) []kind {
	search := kind{request: post("/shop.Catalog/Search"), header: grpcHeader}
	cheap, dear := search, search
	cheap.rate, cheap.work = .95*rate, exponential(2*time.Millisecond)
	dear.rate, dear.work, dear.unmeasured = .05*rate, exponential(200*time.Millisecond), true
	return []kind{cheap, dear}
}

var grpcHeader = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}}

// badRouteAtOne has an endpoint that fails 30 % of the requests for one route, and is fine
// otherwise: a missing file, a bad entry in a local cache, a library that is too old. The route has
// a fifth of the requests. Only there can a policy notice it, and only a comparison with the same
// route elsewhere shows that it is the endpoint.
//
// The failures come at once, so that the endpoint looks fast, and least_conn sends it more than its
// share. A policy that notices halves the failures at least, and p99 falls with them: half a per
// cent of the requests fail otherwise, and count as the slowest.
var badRouteAtOne = everydayScenario("a route that fails at one", 25*time.Second, []kind{
	{rate: .8 * 1200, request: get("/"), work: exponential(20 * time.Millisecond)},
	{rate: .2 * 1200, request: get("/cart"), work: exponential(20 * time.Millisecond)},
}, func(t *testing.T, m measured) {
	m.atMostTimes(t, "adaptive_latency", p99, 1, "least_conn")
	m.atMostTimes(t, "adaptive_latency", failures, .5, "least_conn")
}).with(func(s *scenario) {
	s.deadline = 5 * time.Second
	s.watched = []int{0}
	s.phases = []window{{5 * time.Second, 25 * time.Second}}
	s.happen = func(f *fleet) {
		f.at(5*time.Second, func() {
			f.backends[0].fault.Store(&fault{
				after: time.Millisecond, status: http.StatusInternalServerError, path: "/cart", share: .3,
			})
		})
	}
})
