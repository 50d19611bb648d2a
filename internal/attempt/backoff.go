package attempt

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/limit"
)

// BackOff waits before the request is sent to an endpoint again that it has tried. It returns at
// once while there is another one, before the first attempt, and when the request ends.
func (a *RequestAttempts) BackOff(ctx context.Context, b limit.Backoff) {
	if len(a.sentAttempts) == 0 || a.transport.hasUntried(a) {
		return
	}
	timer := time.NewTimer(b.Pause(a.retry.backoffs, rand.Float64()))
	defer timer.Stop()
	a.retry.backoffs++
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
