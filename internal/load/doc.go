// Package load measures how an endpoint does, compared with what is usual for its requests.
//
// Requests are not alike, so that a latency alone says nothing of an endpoint. [Routes] keeps for
// each [Route] of a pool how long its requests take and how often they fail, over all endpoints. A
// [Load] compares the answers of one endpoint with that: how fast it is, how long what waits there
// has waited, and how surprising its failures are. It also knows which requests in flight are
// parked: long polls, upgraded connections and streams hold a place, but are no work.
//
// Attempts write both. Policies read them at every pick, so that reading does not allocate, and no
// lock is one that all requests wait for.
//
// All of it is a function of the instants that callers pass in. The package starts no goroutine and
// reads no clock, except in [Now].
package load
