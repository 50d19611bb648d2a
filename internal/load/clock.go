package load

import "time"

// Instant is a point in time in nanoseconds of the monotonic clock. Load keeps
// instants in parts of a machine word, which a time.Time would not fit.
type Instant int64

var epoch = time.Now()

// Now is the present instant.
func Now() Instant { return Instant(time.Since(epoch)) }

// Sub is the time from other to i.
func (i Instant) Sub(other Instant) time.Duration { return time.Duration(i - other) }
