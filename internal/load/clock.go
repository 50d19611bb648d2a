package load

import "time"

// Instant is a point in time in nanoseconds of the monotonic clock. It exists because parts of a
// load pack instants into one machine word, which a time.Time does not fit into.
type Instant int64

var epoch = time.Now()

// Now returns the present instant.
func Now() Instant { return Instant(time.Since(epoch)) }

// Sub returns the time from other to i.
func (i Instant) Sub(other Instant) time.Duration { return time.Duration(i - other) }
