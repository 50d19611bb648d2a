package pool

import "time"

const (
	// shortestPause also holds for a source that answers and then breaks at once, again and again.
	shortestPause = time.Second
	longestPause  = time.Minute
)

// pauseAfter is how long a source rests after so many failures in a row, the first of which is 1. It is drawn evenly
// between the shortest pause and a bound that doubles from 2 s to 60 s ("full jitter"), so that proxies that lost
// a registry at the same moment do not come back at the same moment. Caddy links cenkalti/backoff, but
// that spreads around a value instead of below it, and draws by itself.
func pauseAfter(failures int, random float64) time.Duration {
	bound := longestPause
	if failures < 6 { // 2^6 s is beyond the longest
		bound = shortestPause << failures
	}
	return shortestPause + time.Duration(random*float64(bound-shortestPause))
}
