package attempt

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/limit"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// BackOff waits before the request is sent to an endpoint again that it has tried. It returns at
// once while there is another one, before the first attempt, and when the request ends. It waits no
// longer than lb_try_duration lasts.
func (a *RequestAttempts) BackOff(ctx context.Context, b limit.Backoff) {
	a.startClock()
	if len(a.sentAttempts) == 0 || a.transport.hasUntried(a) {
		return
	}
	pause := b.Pause(a.retry.backoffs, rand.Float64())
	if most := time.Duration(a.transport.handler.LoadBalancing.TryDuration); most > 0 {
		pause = min(pause, most-load.Now().Sub(a.retry.began))
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	a.retry.backoffs++
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
