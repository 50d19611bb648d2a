package healthprobe

import (
	"context"
	"sync"
)

// workers runs checks, each at once. It reuses its goroutines, because a new one regrows its stack
// in its first check, which takes 10 to 20 µs. The queues bound how many there are.
type workers struct {
	check   func(*target)
	next    chan *target // hands a check to an idle worker; nil ends the worker
	running sync.WaitGroup
}

func newWorkers(check func(*target)) *workers {
	return &workers{check: check, next: make(chan *target)}
}

// run starts a check on an idle worker, or on a new one, and returns at once. The workers end with
// ctx.
func (w *workers) run(ctx context.Context, t *target) {
	select {
	case w.next <- t:
	default:
		w.running.Go(func() { w.work(ctx, t) })
	}
}

func (w *workers) work(ctx context.Context, t *target) {
	for t != nil {
		w.check(t)
		select {
		case t = <-w.next:
		case <-ctx.Done():
			return
		}
	}
}

// shrink ends one idle worker. Called regularly, it ends the workers that a burst of checks needed,
// without a timer for each worker that each check would have to set.
func (w *workers) shrink() {
	select {
	case w.next <- nil:
	default:
	}
}

// wait returns when all workers have ended.
func (w *workers) wait() { w.running.Wait() }
