// Package simulation proves that the selection policies balance well. It has tests only.
//
// Each test runs Caddy's own reverse_proxy handler, configured by JSON as a user would, with one policy after the other against
// simulated backends. Only the transport is a stub. Time is virtual (testing/synctest), so that a minute with 60,000 requests takes
// a few seconds. Caddy's policies and ours meet the same requests: arrivals and the work in each are drawn once per seed.
//
//	go test ./internal/simulation -run TestBalance -v                  every scenario, and one table as Markdown at the end
//	go test ./internal/simulation -run TestBalance/buoyant -v          one scenario
//	go test ./internal/simulation -run TestBalance/buoyant -v -seeds 9 -policy least_conn -policy '{"policy":"adaptive_latency","decay":"3s"}'
//
// With -policy only the table is printed, and nothing is asserted.
//
// What is counted is what clients see: arrivals do not wait for responses (an overloaded system must not slow down its own load),
// every request counts from the first on, and one that failed counts as if the client had waited until its deadline, so that quick
// errors do not look fast.
package simulation
