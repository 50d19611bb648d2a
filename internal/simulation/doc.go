// Package simulation proves that the selection policies balance well. It has tests only.
//
// Each test runs Caddy's own reverse_proxy handler, configured by JSON as a user would, with one policy after the other against
// simulated backends. Only the transport is a stub. Time is virtual (testing/synctest), so that a minute with 60,000 requests takes
// a second or two. Caddy's policies and ours meet the same requests: arrivals and the work in each are drawn once per seed.
//
//	go test ./internal/simulation -run TestBalance -v                  every scenario, and one table as Markdown at the end
//	go test ./internal/simulation -run TestBalance/buoyant -v          one scenario
//	go test ./internal/simulation -run TestBalance/buoyant -v -detail -seeds 9 -policy least_conn -policy '{"policy":"adaptive_latency","decay":"3s"}'
//
// The table has medians over the seeds; -detail adds the lowest and highest value, and more columns. With -policy nothing is
// asserted. With -short, and under the race detector, there is one seed, and only the policies that thresholds are about.
//
// What is counted is what clients see: arrivals do not wait for responses (an overloaded system must not slow down its own load),
// every request counts from the first on, and one that failed counts as if the client had waited until its deadline, so that quick
// errors do not look fast. No policy is helped by health checks.
//
// The backends to watch in a scenario, such as one that is slow, are its odd ones. The last column of the table says how many of all
// attempts they got, 1 being their fair share, in one or two parts of the run.
package simulation
