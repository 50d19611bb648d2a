// Package limit has what bounds the requests of a pool as a whole: the [Budget] of its retries, and
// the [Gate] with its queue. They know nothing of endpoints and of HTTP. A pool keeps them over
// reloads; the newest config sets their numbers.
package limit
