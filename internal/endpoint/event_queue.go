package endpoint

import (
	"context"
	"sync"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/bounded"
	"github.com/caddy-balance/caddy-balance/internal/recovered"
	"github.com/caddy-balance/caddy-balance/internal/signal"
)

// eventQueue holds events until the events app has handled them. Handlers may be slow, because they
// run programs. Health checks and ejections must not wait for them.
type eventQueue struct {
	mu      sync.Mutex
	open    bool // whether a goroutine delivers the events
	events  []Event
	pending signal.Signal
}

// maxPendingEvents bounds the queue. Events beyond it are dropped: handlers that are so far behind
// would only see what has long passed.
const maxPendingEvents = 10_000

func (q *eventQueue) add(e Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.open {
		return
	}
	if len(q.events) < maxPendingEvents {
		q.events = append(q.events, e)
	}
	q.pending.Set()
}

// start makes the queue accept events. Before it, events are only logged.
func (q *eventQueue) start() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open, q.pending = true, signal.New()
}

// drain empties the queue and returns what was in it.
func (q *eventQueue) drain() []Event {
	q.mu.Lock()
	defer q.mu.Unlock()
	events := q.events
	q.events = nil
	return events
}

// deliverEvents hands events to the events app one after the other, until ctx ends. A handler that
// does not return is abandoned.
func (r *Roster) deliverEvents(ctx context.Context) {
	if !bounded.Run(ctx, func() { r.deliverUntil(ctx) }) {
		r.Logger().Error("event handler does not stop and is abandoned", zap.String("pool", r.name))
	}
}

func (r *Roster) deliverUntil(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.queue.pending.C():
		}
		for _, e := range r.queue.drain() {
			if ctx.Err() == nil {
				r.deliver(e)
			}
		}
	}
}

// deliver hands an event to the events app. A handler that panics does not get it again.
func (r *Roster) deliver(e Event) {
	emit := r.owner.Load().Emit
	if emit == nil {
		return
	}
	if err := recovered.Do("the event handler", func() { emit(e.Name, e.data(r.name)) }); err != nil {
		r.Logger().Error("event was not handled",
			append(recovered.Fields(err), zap.String("pool", r.name), zap.String("event", e.Name))...)
	}
}
