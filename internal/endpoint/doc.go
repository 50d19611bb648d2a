// Package endpoint holds what is known of endpoints and pools. It is the noun that discovery,
// healthprobe and lbpolicy share; they never import one another.
//
// A [Pool] keeps every [Endpoint] that is known under one pool name, and outlives any one config. A
// [Roster] is the list of a pool by one definition of it. A roster publishes each list as a
// [Snapshot], which is immutable: its [Member] values join an endpoint with what its source says
// and with its share of the requests, and its [Band] values split the members by priority and zone.
//
// Each fact has one writer, so that no two parts fight over it:
//
//   - The source writes [Member.Info] (address, weight, zone, ...), through [Roster.Replace].
//   - The prober writes [ProbeFailed], [Unchecked], [DrainRequested] and [Maintenance], and the
//     [Verdict] and [Advice] of an endpoint.
//   - Attempts write [Refused].
//   - The outlier detector writes [Ejected] and [HalfOpen], the [Ejection] and the [Tally].
//   - Attempts write [Endpoint.Load] and give places back. Picks reserve places.
//   - Caddy writes the [Counts].
//   - The roster computes everything else: the mode, the bands, and the weight, limit and ramp of
//     each member. It does so off the request path.
//
// Conditions and requests in flight count at once, at every pick. Shares follow a moment later.
package endpoint
