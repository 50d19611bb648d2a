// Package attempt observes what becomes of a request at an endpoint.
//
// Caddy tells a selection policy nothing after the pick. Therefore [Install] wraps the transport of
// a reverse proxy when a policy or a pool of this module is provisioned there. The [Transport]
// follows each [Attempt] from the pick to the end of its response: it holds the endpoint's place,
// measures the time to first byte, and derives the [Outcome].
package attempt
