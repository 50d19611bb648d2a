package simulation

import (
	"testing"
	"time"
)

// ordinary is the traffic of an ordinary site: quick requests, a few reports that take long, and
// long polls. Ten machines with four workers each are at 0.4 of their capacity. A quick request
// waits only where four reports meet, and a good policy lets that happen hardly ever.
func ordinary(polls float64) []kind {
	const rate = 900
	return []kind{
		{rate: (.96 - polls) * rate, request: get("/api/items"), work: exponential(5 * time.Millisecond)},
		{rate: .04 * rate, request: get("/api/report"), work: reporting, unmeasured: true},
		{rate: polls * rate, request: get("/api/poll"), answer: polled, lasts: 25 * time.Second, unmeasured: true},
	}
}

// fewPolls has one long poll among five thousand requests. Each is one sample of 25 s among samples
// of 5 ms, and a request that has waited for long while all others are answered. A policy that
// takes either for a sign of a slow endpoint avoids a tenth of the fleet for nothing.
//
// Equal machines leave nothing to gain over least_conn, which has no queues either. So the
// threshold is that of no harm: both policies get the same requests, and 3 % is more than noise.
var fewPolls = scenario{
	name:     "few polls",
	seeds:    1,
	duration: 40 * time.Second,
	deadline: 30 * time.Second,
	backends: 10,
	server:   fourCores,
	traffic:  ordinary(.0002),
	policies: everyday,
	baseline: "least_conn",
	check:    harmless,
}

// manyPolls has one long poll among a hundred requests, as chat and notifications do. Twenty of
// them wait at each endpoint. They are no work. A policy that multiplies its estimate by all
// requests in flight lets small differences of the estimate decide over the quick ones.
var manyPolls = scenario{
	name:     "many polls",
	seeds:    1,
	duration: fewPolls.duration,
	deadline: fewPolls.deadline,
	backends: fewPolls.backends,
	server:   fourCores,
	traffic:  ordinary(.01),
	policies: everyday,
	baseline: "least_conn",
	check: func(t *testing.T, m measured) {
		harmless(t, m)
		evenlyParked(t, m)
	},
}

func fourCores(int) server { return newWorkers(4, 1) }

// harmless checks that adaptive_latency is no worse than least_conn and fails no request.
func harmless(t *testing.T, m measured) {
	t.Helper()
	m.atMostTimes(t, "adaptive_latency", p99, 1.03, "least_conn")
	m.atMost(t, "adaptive_latency", failures, 0)
}

// evenlyParked checks that parked requests are spread evenly. least_conn spreads all requests, and
// the parked ones vary by what else is in flight when they come.
func evenlyParked(t *testing.T, m measured) {
	t.Helper()
	m.atMostTimes(t, "adaptive_latency", parked, 1.2, "least_conn")
}
