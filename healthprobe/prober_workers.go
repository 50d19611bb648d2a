package healthprobe

import (
	"context"
	"sync"
)

// crew makes checks, all that were begun at the same time. It keeps its goroutines, because a new one
// grows its stack during each check anew, for 10 to 20 µs. How many there are is bounded by the lanes.
type workers struct {
	do      func(*target)
	next    chan *target // nil for who is not needed
	workers sync.WaitGroup
}

func newWorkers(do func(*target)) *workers { return &workers{do: do, next: make(chan *target)} }

// begin returns at once. The goroutines end with ctx.
func (c *workers) begin(ctx context.Context, t *target) {
	select {
	case c.next <- t:
	default:
		c.workers.Go(func() { c.work(ctx, t) })
	}
}

func (c *workers) work(ctx context.Context, t *target) {
	for t != nil {
		c.do(t)
		select {
		case t = <-c.next:
		case <-ctx.Done():
			return
		}
	}
}

// shrink ends one goroutine that is idle. Called now and then, it makes those end that a burst of checks needed, without
// a timer for each, which would have to be set for each check.
func (c *workers) shrink() {
	select {
	case c.next <- nil:
	default:
	}
}
