package pool

import "time"

const (
	// minPause also applies to a source that answers and then fails at once, again and again.
	minPause = time.Second
	maxPause = time.Minute
)

// pauseAfter returns how long a source pauses after a number of failures in a row, the first of
// which is 1. The pause is drawn evenly between minPause and a bound that doubles from 2 s to
// maxPause ("full jitter"), because proxies that lose a registry at the same moment must not come
// back at the same moment. random is from 0 to 1.
//
// Caddy links cenkalti/backoff, but that spreads pauses around a value instead of below it, and
// draws its own random numbers, which a test cannot replace.
func pauseAfter(failures int, random float64) time.Duration {
	bound := maxPause
	if failures < 6 { // 2^6 s is beyond maxPause
		bound = minPause << failures
	}
	return minPause + time.Duration(random*float64(bound-minPause))
}
