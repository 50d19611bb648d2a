// Package attempt observes what becomes of a request at an endpoint.
//
// Caddy tells a selection policy nothing after the pick. Therefore [Install] wraps the transport of
// a reverse proxy when a policy or a pool of this module is provisioned there. The [Transport]
// follows each [Attempt] from the pick to the end of its response: it holds the endpoint's place,
// measures the time to first byte, and derives the [Outcome].
//
// An endpoint is blamed only for what is its own. The time and the errors of reading the request
// from the client are the client's (upload.go). A kept connection that breaks as it is used is
// repeated on a fresh one where HTTP allows it (break.go, repeat.go). An answer that comes before
// the end of an upload is preferred to the error of writing the rest (early_answer.go).
package attempt
