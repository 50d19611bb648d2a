package limit

import (
	"sync"
	"sync/atomic"
	"time"
)

// GateSettings say how many requests a gate lets in, and how many wait in front of it.
type GateSettings struct {
	MaxInFlight  int           // 0 is no maximum
	QueueLength  int           // 0 is no queue
	QueueTimeout time.Duration // how long a request waits at most
}

// Gate lets requests in while fewer than a maximum are inside. The others wait in its queue: those
// of a higher class first, and within a class in the order in which they came. A place that becomes
// free goes to the head of the queue, so that no request that comes later can take it.
//
// While no request waits, a gate takes no lock.
type Gate struct {
	settings atomic.Pointer[GateSettings]
	inFlight atomic.Int64
	waiting  atomic.Int64
	frees    atomic.Uint64 // how often something became free, see Requeue
	shed     [ClassCount]atomic.Uint64

	mu    sync.Mutex
	queue queue

	// starved says that a request was inside and found no endpoint with room. The gate then lets
	// in one request at a time, the scout, when something becomes free. The next one follows when
	// the scout has found an endpoint.
	starved bool
	scout   *Waiter
}

// Set changes the settings. Requests that wait go on waiting by them.
func (g *Gate) Set(s GateSettings) {
	g.settings.Store(&s)
	g.Freed()
}

// Settings returns the settings.
func (g *Gate) Settings() GateSettings {
	if s := g.settings.Load(); s != nil {
		return *s
	}
	return GateSettings{}
}

// InFlight returns the number of requests that are inside.
func (g *Gate) InFlight() int { return int(g.inFlight.Load()) }

// Waiting returns the number of requests of a class that wait.
func (g *Gate) Waiting(c Class) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.queue.classes[c].Len()
}

// Shed returns how many requests of a class were turned away.
func (g *Gate) Shed(c Class) uint64 { return g.shed[c].Load() }

// TryEnter lets a request in if none waits and there is room.
func (g *Gate) TryEnter() bool { return g.waiting.Load() == 0 && g.take() }

// take takes a place, if there is one.
func (g *Gate) take() bool {
	limit := int64(g.Settings().MaxInFlight)
	for {
		n := g.inFlight.Load()
		if limit > 0 && n >= limit {
			return false
		}
		if g.inFlight.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// leave gives a place back. w is how its request waited, nil if it did not.
func (g *Gate) leave(w *Waiter) {
	g.inFlight.Add(-1)
	if w != nil {
		g.mu.Lock()
		g.dismissLocked(w)
		g.mu.Unlock()
	}
	g.Freed()
}

// Frees returns how often something became free.
func (g *Gate) Frees() uint64 { return g.frees.Load() }

// Freed lets requests in that wait, because a place or an endpoint may have become free.
//
// The order of the two counts here and in Requeue matters: one of the two sees what the other does.
func (g *Gate) Freed() {
	g.frees.Add(1)
	if g.waiting.Load() > 0 {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.admitLocked(true)
	}
}

// admitLocked lets requests in that wait, as long as there is room. freed says that an endpoint may
// have room.
func (g *Gate) admitLocked(freed bool) {
	g.starved = g.starved && (g.scout != nil || g.queue.length > 0)
	for g.queue.length > 0 {
		if g.starved && (!freed || g.scout != nil) || !g.take() {
			return
		}
		w := g.queue.pop()
		if g.starved {
			g.scout = w // it still counts as waiting, so that no request overtakes it
		} else {
			g.waiting.Add(-1)
		}
		w.settle(Entered)
	}
}

// Found reports that a request which has waited has found an endpoint, so that the next one may
// look for one.
func (g *Gate) Found(w *Waiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.dismissLocked(w) {
		g.admitLocked(true)
	}
}

// dismissLocked makes way for the next scout if w is the scout, and reports whether it is.
func (g *Gate) dismissLocked(w *Waiter) bool {
	if g.scout != w {
		return false
	}
	g.scout = nil
	g.waiting.Add(-1)
	return true
}
