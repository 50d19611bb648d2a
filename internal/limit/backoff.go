package limit

import "time"

// Backoff says how long a request waits before it is sent to endpoints again that it has tried.
type Backoff struct {
	Base, Max time.Duration
}

// Pause returns the pause before round n, which counts from 0: at random up to a bound that doubles
// with each round ("full jitter", M. Brooker, 2015), so that requests which failed together do not
// come back together. random is from 0 up to but not including 1.
func (b Backoff) Pause(n int, random float64) time.Duration {
	bound := b.Base
	for ; n > 0 && bound < b.Max; n-- {
		bound *= 2
	}
	return time.Duration(random * float64(min(bound, b.Max)))
}
