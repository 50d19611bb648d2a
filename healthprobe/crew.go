package healthprobe

import (
	"context"
	"sync"
	"time"
)

// crew makes checks, all that were begun at the same time. It keeps its goroutines for a while, because a new one
// grows its stack during each check anew, for 10 to 20 µs.
type crew struct {
	do      func(context.Context, *target)
	next    chan *target
	workers sync.WaitGroup
}

// idleLimit is how long a goroutine waits for another check. Where there are fewer checks than one in that time, new
// goroutines do not matter; where there are thousands, the lanes bound how many there are.
const idleLimit = time.Second

func newCrew(do func(context.Context, *target)) *crew {
	return &crew{do: do, next: make(chan *target)}
}

// begin returns at once. The goroutines end with ctx.
func (c *crew) begin(ctx context.Context, t *target) {
	select {
	case c.next <- t:
	default:
		c.workers.Go(func() { c.work(ctx, t) })
	}
}

func (c *crew) work(ctx context.Context, t *target) {
	idle := time.NewTimer(idleLimit)
	defer idle.Stop()
	for {
		c.do(ctx, t)
		idle.Reset(idleLimit)
		select {
		case t = <-c.next:
		case <-idle.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
