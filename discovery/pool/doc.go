// Package pool is the upstream source of Caddy's reverse proxy that follows sources of endpoints.
//
// Pool is the module: its settings, how it is provisioned, and how it hands upstreams to Caddy.
// Everything else in the package follows the sources of one definition of a pool, in the
// background. It runs from the first config that has the definition to the last.
//
// # From an answer to the roster
//
//	source ── Answer ──► superviseSource ──► loop ──► sourceState ──► roster
//	                     runs it again       one       lossGuard       snapshot for
//	                     after errors        goroutine lingering       policies, probes
//
// followSources starts one goroutine for each source, in which superviseSource runs it again after
// errors and panics. Each answer goes to the loop, the only goroutine that changes state. The loop
// has a sourceState for each source. sourceState applies the answer: its lossGuard holds back a
// sudden loss, and its lingering keeps healthy endpoints that disappeared for the removal grace.
// The loop then merges the lists of all sources and publishes them, at most once in each update
// interval.
//
// # Before the first answer
//
// A source that has not answered is replaced by the best list there is. After a reload, sources
// that the previous definition also had keep their lists, which the roster hands on. For new
// sources the handover keeps the previous list of the whole pool. After a restart, listStore reads
// the last good list of each source from Caddy's storage.
//
// # Deadlines
//
// State has no timers of its own. Each part says when it has something to do next (nextDeadline),
// and the loop sets one timer to the earliest of these and calls applyDeadlines. Tests therefore
// run in virtual time, and no callback can arrive after its reason is gone.
package pool
