package traffic

import (
	"slices"
	"testing"
)

// awaitTurns waits until requests go to n backends in turns. send sends one, and returns the name
// of its backend. The first requests may come before the schedule of the turns is there, and go
// anywhere.
func awaitTurns(t *testing.T, n int, send func() string) {
	t.Helper()
	eventually(t, "requests go in turns", func() bool {
		names := make([]string, 4*n) // fewer could be in turns by chance
		for i := range names {
			names[i] = send()
		}
		once := slices.Sorted(slices.Values(names[:n]))
		return len(slices.Compact(once)) == n && slices.Equal(names, slices.Repeat(names[:n], 4))
	})
}
