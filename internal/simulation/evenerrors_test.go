package simulation

import (
	"time"
)

// evenErrors has a site of which 2 % of all answers are errors, at whatever endpoint: a bug, a
// missing row, a database that is too slow at times. No endpoint is worse than the others. A policy
// that avoids the endpoint that failed last concentrates all requests on what is left.
var evenErrors = failing("even errors, 2 %", .02, .6)

// failing returns a scenario in which a share of all answers are errors, at a load between 0 and 1.
func failing(name string, share, load float64) scenario {
	return scenario{
		name:     name,
		seeds:    1,
		duration: 20 * time.Second,
		deadline: 5 * time.Second,
		backends: 10,
		server:   fourCores,
		traffic: []kind{
			{rate: load * 10 * 4 / .020, request: get("/"), work: exponential(20 * time.Millisecond), fails: share},
		},
		policies: everyday,
		baseline: "least_conn",
		check:    harmless,
	}
}
