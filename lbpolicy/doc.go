// Package lbpolicy selects the endpoint that serves a request.
//
// A policy is a Caddy module with an algorithm: prepare builds its tables for a list of endpoints,
// and pick reserves a place at one of them. The embedded selector connects the algorithm with
// Caddy, for static upstreams, for pools (which leave the pick to the policy) and for the lists of
// other sources. It tracks the request, so that a retry goes to an endpoint that was not tried.
//
// # Policies of other modules
//
// A pool lets any policy pick that implements [Policy]. A module outside of this repository
// implements it with the types that this package exports, and calls [Install] to track its
// requests. A policy that does not implement it works too: the pool then lists all usable endpoints
// on every request, as Caddy's other sources do. See the example of this package, and README.md.
package lbpolicy
