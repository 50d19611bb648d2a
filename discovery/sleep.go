package discovery

import (
	"context"
	"time"
)

// Sleep waits for the pause and returns true, or returns false as soon as ctx ends. A source uses
// it between requests, so that the end of the pool does not wait for the pause.
func Sleep(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
