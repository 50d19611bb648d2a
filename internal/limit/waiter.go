package limit

import (
	"container/list"
	"context"
	"time"
)

// Result is what became of a request at a gate.
type Result uint8

// The results.
const (
	Entered  Result = iota // it is inside
	Full                   // the queue is full, or became full with requests of higher classes
	TimedOut               // it has waited as long as it may
	Left                   // the client went away
)

// Waiter is a request that has to wait. It may wait several times, and keeps its place in the
// order.
type Waiter struct {
	class    Class
	order    uint64        // 0 before the first time
	element  *list.Element // nil while it is not in the queue
	deadline time.Time
	settled  chan struct{}
	result   Result // once it is settled
}

// NewWaiter returns a waiter of a class.
func NewWaiter(c Class) *Waiter { return &Waiter{class: c} }

// settle ends the wait of a waiter that is not in the queue any more.
func (w *Waiter) settle(r Result) {
	w.result = r
	close(w.settled)
}

// Wait waits until the request is let in, or is not.
func (g *Gate) Wait(ctx context.Context, w *Waiter) Result {
	if !g.join(w, func() (freed bool) { return false }) {
		return Full
	}
	return g.await(ctx, w)
}

// looksAgainAfter is when the head of a queue looks for an endpoint again although nothing became
// free. Caddy counts the requests at an endpoint too, and may end that count after the request.
// While no other request is inside, none will wake the head when it ends.
const looksAgainAfter = 100 * time.Millisecond

// Requeue takes back the place of a request that found no endpoint with room, and waits until the
// request is let in again, or is not. frees is what Frees returned before the request looked for an
// endpoint.
func (g *Gate) Requeue(ctx context.Context, w *Waiter, p *Place, frees uint64) Result {
	joined := g.join(w, func() (freed bool) {
		if p.gate.Swap(nil) != nil {
			g.inFlight.Add(-1)
		}
		g.dismissLocked(w)
		g.starved = true
		return g.frees.Load() != frees
	})
	if !joined {
		p.Leave()
		return Full
	}
	if g.inFlight.Load() == 0 {
		defer time.AfterFunc(looksAgainAfter, g.Freed).Stop()
	}
	return g.await(ctx, w)
}

// join puts a waiter in the queue, and reports whether there was room. then is called with the lock
// held, before the gate lets requests in that may enter. It reports whether an endpoint may have
// room.
func (g *Gate) join(w *Waiter, then func() (freed bool)) bool {
	s := g.Settings()
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.order == 0 { // those that come back have their place
		if !g.makeRoomLocked(w.class, s.QueueLength) {
			g.shed[w.class].Add(1)
			return false
		}
		w.deadline = time.Now().Add(s.QueueTimeout)
	}
	w.settled = make(chan struct{})
	g.starved = g.starved && (g.scout != nil || g.queue.length > 0)
	g.queue.add(w)
	g.waiting.Add(1)
	g.admitLocked(then())
	return true
}

// makeRoomLocked reports whether a request of a class may join the queue. In a full one, the last
// request of the lowest class makes room if that class is lower.
func (g *Gate) makeRoomLocked(c Class, length int) bool {
	if g.queue.length < length {
		return true
	}
	if length == 0 {
		return false
	}
	last := g.queue.popLast(c)
	if last == nil {
		return false
	}
	g.waiting.Add(-1)
	g.shed[last.class].Add(1)
	last.settle(Full)
	return true
}

// await waits until the waiter is settled, its time is over or its client has gone.
func (g *Gate) await(ctx context.Context, w *Waiter) Result {
	timer := time.NewTimer(time.Until(w.deadline))
	defer timer.Stop()
	select {
	case <-w.settled:
		return w.result
	case <-ctx.Done():
		if g.giveUp(w, Left) == Entered {
			g.leave(w)
		}
		return Left
	case <-timer.C:
		return g.giveUp(w, TimedOut)
	}
}

// giveUp takes a waiter out of the queue, and returns its result, which may be another one that
// came at the same moment.
func (g *Gate) giveUp(w *Waiter, r Result) Result {
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.element == nil {
		return w.result
	}
	g.queue.remove(w)
	g.waiting.Add(-1)
	if r == TimedOut {
		g.shed[w.class].Add(1)
	}
	return r
}

// HasQueued reports whether the request was in the queue at all: one that found it full was not.
// The caller must not be waiting.
func (w *Waiter) HasQueued() bool { return w.order != 0 }
