// Package simulation tests how well the selection policies balance. It consists of tests only.
//
// Each test runs Caddy's own reverse_proxy handler, configured by JSON as a user would do it, with
// one policy after the other in front of simulated backends. Only the transport is a stub. Time is
// virtual (testing/synctest), and a minute with 60,000 requests takes a second or two. Caddy's
// policies and ours get the same requests: arrivals and the work in each are drawn once per seed.
//
// These commands run every scenario and print one table as Markdown at the end, run one scenario,
// and try other settings of a policy in it:
//
//	go test ./internal/simulation -run TestBalance -v
//	go test ./internal/simulation -run TestBalance/buoyant -v
//	go test ./internal/simulation -run TestBalance/buoyant -v -detail -seeds 9 \
//		-policy least_conn -policy '{"policy":"adaptive_latency","decay":"3s"}'
//
// The table has medians over the seeds. -detail adds the lowest and highest value, and more
// columns. -policy switches the thresholds off. Without -v, policies that no threshold refers to do
// not run. With -short there is one seed. The race detector gets only our policies, with one seed
// and a tenth of the load, and no threshold is checked.
//
// The numbers are those that clients see. Arrivals do not wait for responses, because the load must
// not drop when the system is overloaded. Every request counts, from the first on. A failed request
// counts as if the client had waited until its deadline; otherwise quick errors would look fast.
// The scenarios about health say so in their settings; in all others no health check helps a
// policy.
//
// Scenarios of everyday traffic mix kinds of requests, with methods and paths as sites have them.
// Some are parked: long polls, websockets, event streams and stalled uploads stay open and are no
// work for a backend. Only the times of the quick requests are compared. An error that the
// application would give at any backend is no failure. These scenarios also run an oracle, which
// knows the queues and speeds of all backends, to show what is possible.
//
// A scenario may watch some of its backends, such as a slow one. The last column of the table is
// the share of all attempts that the watched backends got, in one or two phases of the run. 1 is
// their fair share.
package simulation
