package pool

import "time"

// earlier is the first of two moments, where zero is never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// reached is false of never.
func isDue(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }
