package pool

import "time"

// A deadline of zero means never.

// earliest returns the earlier of two deadlines.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// isDue reports whether a deadline is reached. It is false for a deadline of never.
func isDue(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }
