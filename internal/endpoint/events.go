package endpoint

import (
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Event is something that happened to an endpoint or a pool. Each event is one log line, and one
// event of Caddy's events app.
type Event struct {
	Name    string
	Address string // empty if the event is about the pool
	Group   string // empty if the event is not about a group of endpoints
	Reason  string
	Since   time.Time // when the state began that ended; zero if unknown
}

// The names of the events.
const (
	BecameHealthy   = "healthy"
	BecameUnhealthy = "unhealthy"
	BecameEjected   = "ejected"
	WouldEject      = "would_eject"
	Readmitted      = "readmitted"
	BeganDraining   = "draining"
	LeftOut         = "left_out"
	BecameEmpty     = "pool_empty"
	BecameUsable    = "pool_usable"
	FailedOpen      = "fail_open"
	FailedOpenEnded = "fail_open_ended"
	GroupStopped    = "group_stopped"
	GroupAdvanced   = "group_advanced"
)

// eventMessages has the one log line of each event. The pages health.md, outlier.md and
// policies/split.md list them.
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
	LeftOut:         {"endpoint is left out", zap.WarnLevel},
	BecameEmpty:     {"pool has no usable endpoint", zap.ErrorLevel},
	BecameUsable:    {"pool has usable endpoints again", zap.InfoLevel},
	FailedOpen:      {"pool has too few usable endpoints and ignores endpoint health", zap.WarnLevel},
	FailedOpenEnded: {"pool respects endpoint health again", zap.InfoLevel},
	GroupStopped:    {"group gets no more requests, because it is worse than the default group", zap.ErrorLevel},
	GroupAdvanced:   {"group goes on to its next step", zap.InfoLevel},
}

// Logger returns the logger of the newest module that uses the roster.
func (r *Roster) Logger() *zap.Logger {
	if l := r.owner.Load().Logger; l != nil {
		return l
	}
	return zap.NewNop()
}

// Emit logs an event and queues it for Caddy's events app. It does not wait for event handlers.
func (r *Roster) Emit(e Event) {
	m := eventMessages[e.Name]
	if entry := r.Logger().Check(m.level, m.text); entry != nil {
		entry.Write(e.fields(r.name)...)
	}
	r.queue.add(e)
	r.record(HistoryEntry{Kind: KindState, Address: e.Address, Event: e.Name, Reason: e.historyReason()})
}

// historyReason returns the reason, with the group that it is about.
func (e Event) historyReason() string {
	if e.Group == "" {
		return e.Reason
	}
	return "group " + e.Group + ": " + e.Reason
}

func (e Event) fields(pool string) []zap.Field {
	fields := []zap.Field{zap.String("pool", pool)}
	if e.Address != "" {
		fields = append(fields, zap.String("address", e.Address))
	}
	if e.Group != "" {
		fields = append(fields, zap.String("group", e.Group))
	}
	if e.Reason != "" {
		fields = append(fields, zap.String("reason", e.Reason))
	}
	if !e.Since.IsZero() {
		fields = append(fields, zap.Duration("after", time.Since(e.Since).Round(time.Millisecond)))
	}
	return fields
}

// data returns what handlers of the event read as {event.data.*}. The address is also under host,
// which is its name in Caddy's own events.
func (e Event) data(pool string) map[string]any {
	data := map[string]any{"pool": pool, "reason": e.Reason}
	if e.Address != "" {
		data["address"], data["host"] = e.Address, e.Address
	}
	if e.Group != "" {
		data["group"] = e.Group
	}
	if !e.Since.IsZero() {
		data["since"] = e.Since.Format(time.RFC3339Nano)
	}
	return data
}
