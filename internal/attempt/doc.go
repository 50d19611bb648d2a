// Package attempt observes what becomes of a request at an endpoint.
//
// Caddy tells a selection policy nothing after the pick. So a transport that wraps
// the handler's own installs itself when a policy or a pool of ours is provisioned,
// and follows each attempt from the pick to the end of its response: it holds the
// endpoint's place, measures the time to first byte, and judges the outcome.
package attempt
