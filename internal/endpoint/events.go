package endpoint

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Event is something that happened to an endpoint or a pool, for people and for Caddy's events app.
type Event struct {
	Name    string
	Address string // empty if it is about the pool
	Reason  string
	Since   time.Time // of the state that ended; zero if that was never known
}

// The events.
const (
	BecameHealthy   = "healthy"
	BecameUnhealthy = "unhealthy"
	BecameEjected   = "ejected"
	WouldEject      = "would_eject"
	Readmitted      = "readmitted"
	BeganDraining   = "draining"
	BecameEmpty     = "pool_empty"
	BecameUsable    = "pool_usable"
	FailedOpen      = "fail_open"
	FailedOpenEnded = "fail_open_ended"
)

var eventMessages = map[string]struct {
	text  string
	level zapcore.Level
}{
	BecameHealthy:   {"endpoint is healthy", zap.InfoLevel},
	BecameUnhealthy: {"endpoint is unhealthy", zap.WarnLevel},
	BecameEjected:   {"endpoint is ejected", zap.WarnLevel},
	WouldEject:      {"endpoint would be ejected", zap.InfoLevel},
	Readmitted:      {"endpoint is readmitted", zap.InfoLevel},
	BeganDraining:   {"endpoint is draining", zap.InfoLevel},
	BecameEmpty:     {"pool has nobody to serve", zap.ErrorLevel},
	BecameUsable:    {"pool has somebody to serve again", zap.InfoLevel},
	FailedOpen:      {"pool has too few usable endpoints and ignores their health", zap.WarnLevel},
	FailedOpenEnded: {"pool heeds the health of its endpoints again", zap.InfoLevel},
}

// Logger is that of the newest module that uses the roster.
func (r *Roster) Logger() *zap.Logger {
	if l := r.owner.Load().Logger; l != nil {
		return l
	}
	return zap.NewNop()
}

// Tell logs an event, and hands it to whoever subscribed to it. It does not wait for them.
func (r *Roster) Emit(e Event) {
	m := eventMessages[e.Name]
	if entry := r.Logger().Check(m.level, m.text); entry != nil {
		entry.Write(e.fields(r.name)...)
	}
	r.journal.add(e)
}

func (e Event) fields(pool string) []zap.Field {
	fields := []zap.Field{zap.String("pool", pool)}
	if e.Address != "" {
		fields = append(fields, zap.String("address", e.Address))
	}
	if e.Reason != "" {
		fields = append(fields, zap.String("reason", e.Reason))
	}
	if !e.Since.IsZero() {
		fields = append(fields, zap.Duration("after", time.Since(e.Since).Round(time.Millisecond)))
	}
	return fields
}

// data is what handlers of the event read as {event.data.*}. host is what Caddy calls the address in events of its own.
func (e Event) data(pool string) map[string]any {
	data := map[string]any{"pool": pool, "reason": e.Reason}
	if e.Address != "" {
		data["address"], data["host"] = e.Address, e.Address
	}
	if !e.Since.IsZero() {
		data["since"] = e.Since.Format(time.RFC3339Nano)
	}
	return data
}

// journal keeps events for their handlers, which may take their time: they run programs. Nothing that
// decides about endpoints waits for them.
type journal struct {
	mu     sync.Mutex
	events []Event
	more   chan struct{}
}

// longestJournal is when handlers are so slow that the oldest events are of no use any more.
const maxPendingEvents = 10_000

func (j *journal) add(e Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.more == nil { // nobody hands them out
		return
	}
	if len(j.events) < maxPendingEvents {
		j.events = append(j.events, e)
	}
	select {
	case j.more <- struct{}{}:
	default:
	}
}

func (j *journal) open() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.more = make(chan struct{}, 1)
}

func (j *journal) take() []Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	events := j.events
	j.events = nil
	return events
}

// handOut gives events to the events app, one after the other, until ctx ends.
func (r *Roster) deliver(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.journal.more:
		}
		for _, e := range r.journal.take() {
			if emit := r.owner.Load().Emit; emit != nil && ctx.Err() == nil {
				emit(e.Name, e.data(r.name))
			}
		}
	}
}
