// Package limit has what bounds the requests of a pool: the [Budget] of its retries, the [Gate]
// with its queue, and for each endpoint the [Adaptive] limit. They know nothing of endpoints and of
// HTTP. A pool keeps them over reloads; the newest config sets their numbers.
package limit
