package simulation

import (
	"testing"
	"time"
)

// keys is a fleet in which requests for one key should reach one backend, and some keys are much
// more popular than others. There are 10,000 keys, and their popularity falls with the power 1.2 of
// their rank, so the first has a fifth of all requests. The fleet is at 0.6 of its capacity.
var keys = scenario{
	name:     "hot keys",
	seeds:    3,
	rate:     .6 * 10 * 4 / .050,
	duration: 20 * time.Second,
	deadline: 5 * time.Second,
	backends: 10,
	server:   func(int) server { return newSharing(4, 1) },
	draw:     exponential(50 * time.Millisecond),
	policies: []policy{
		{name: "header Key", config: `{"policy":"header","field":"Key"}`},
		{name: "least_conn", config: `{"policy":"least_conn"}`},
		{name: "bounded_load_hash", config: `{"policy":"bounded_load_hash","key":"{http.request.header.Key}"}`, ours: true},
	},
	baseline: "least_conn",
	check: func(t *testing.T, m measured) {
		m.atMostTimes(t, "bounded_load_hash", p99, .1, "header Key")
		m.atMostTimes(t, "bounded_load_hash", p99, 1.25, "least_conn")
	},
}
