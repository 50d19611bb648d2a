// Package metrics shows pools, and static upstreams with a policy of this project, in the metrics
// of Caddy.
//
// It keeps no numbers of its own. A collector reads what the endpoints, pools and sources know when
// the metrics are asked for. Therefore nothing runs in between, counters survive reloads as the
// pools do, and an endpoint that has left has no series.
//
// No label has a value that a client chooses: routes are not among them. What a registry lists is
// bounded by the pool's max_endpoints, and beyond 1,000 endpoints a pool has no series of each.
package metrics
