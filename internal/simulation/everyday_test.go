package simulation

import (
	"testing"
	"time"
)

// everydayScenario is traffic of several kinds to ten equal machines, with every policy and the
// oracle. The other fields may be changed.
func everydayScenario(
	name string, duration time.Duration, traffic []kind, check func(*testing.T, measured),
) scenario {
	return scenario{
		name:     name,
		seeds:    1,
		duration: duration,
		deadline: 30 * time.Second,
		backends: 10,
		server:   func(int) server { return newWorkers(4, 1) },
		traffic:  traffic,
		policies: everyday,
		baseline: "least_conn",
		check:    check,
	}
}

// with returns the scenario with other settings.
func (s scenario) with(change func(s *scenario)) scenario {
	change(&s)
	return s
}

// ordinary is the traffic of an ordinary site: quick requests, and a few reports that take long.
// Ten machines with four workers each are at 0.4 of their capacity with 900 requests per second. A
// quick request waits only where four reports meet, and a good policy lets that happen hardly ever.
func ordinary(rate float64, more ...kind) []kind {
	return append([]kind{
		{rate: .96 * rate, request: get("/api/items"), work: exponential(5 * time.Millisecond)},
		{rate: .04 * rate, request: get("/api/report"), work: reporting, unmeasured: true},
	}, more...)
}

// polling is long polls that have nothing to report for 25 s.
func polling(rate float64) kind {
	return kind{
		rate: rate, request: get("/api/poll"), answer: polled, lasts: 25 * time.Second, unmeasured: true,
	}
}

// fewPolls has one long poll among five thousand requests. Each is one sample of 25 s among samples
// of 5 ms, and a request that has waited for long while all others are answered. A policy that
// takes either for a sign of a slow endpoint avoids a tenth of the fleet for nothing.
//
// Equal machines leave nothing to gain over least_conn, which has no queues either. So the
// threshold is that of no harm: both policies get the same requests, and 3 % is more than noise.
var fewPolls = everydayScenario("few polls", 40*time.Second, ordinary(900, polling(.18)),
	func(t *testing.T, m measured) {
		harmless(t, m)
		// Without queues, p99 is that of the work: 5 ms times ln(100).
		m.between(t, "least_conn", p99, 23.03*.97, 23.03*1.03)
	})

// manyPolls has one long poll among a hundred requests, as chat and notifications do. Twenty of
// them wait at each endpoint. They are no work. A policy that multiplies its estimate by all
// requests in flight lets small differences of the estimate decide over the quick ones.
var manyPolls = everydayScenario("many polls", 40*time.Second, ordinary(900, polling(9)), harmlessAndEven)

// harmless checks that adaptive_latency is no worse than least_conn and fails no request. The
// oracle must not be worse either; if it is, the simulator is wrong.
func harmless(t *testing.T, m measured) {
	t.Helper()
	m.atMostTimes(t, "oracle", p99, 1.03, "least_conn")
	m.atMostTimes(t, "adaptive_latency", p99, 1.03, "least_conn")
	m.atMost(t, "adaptive_latency", failures, 0)
}
