// Chaos proves what a pool does while things go wrong: a real Caddy, real backends that are killed
// and suspended, and requests that do not wait for answers. It prints one line of figures for each
// scenario, beside a stock Caddy with static upstreams, and fails if a pool does not hold a bound.
//
//	go run ./internal/chaos
//	go run ./internal/chaos -short
//	go run ./internal/chaos -scenarios kills,hang -rate 100
//
// A request fails if a backend was usable, and it could be repeated there. It could not if its
// answer had begun, or if its method is not idempotent and a backend may have seen it. It is turned
// away if Caddy was ending, or if all backends had as many requests as they may have.
//
// The bounds: no request fails, nothing is in flight afterwards, goroutines and memory are back to
// where they were, and backends that hung have at least half of their fair share of the requests
// 5 s after their recovery. Bounds compare counts and never times, so that they hold on a machine
// that is busy.
//
// Both Caddys are one binary, which also has a storage that fails on demand and tells what is in
// flight. Both have the same checks, retries and time limits. Where a list changes, a reload brings
// it to static upstreams.
package main
