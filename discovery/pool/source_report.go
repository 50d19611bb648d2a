package pool

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// firstFew bounds what a log line or a status says of a long list.
const firstFew = 5

// fail keeps the list and tells of an error that is news.
func (f *sourceState) fail(err error, now time.Time) {
	f.guard.interrupt()
	f.lastError, f.lastErrorAt = err.Error(), now
	if !f.outage.begin(err, now) {
		return
	}
	fields := []zap.Field{zap.Error(err), zap.Int("endpoints", len(f.serving))}
	if p := new(panicError); errors.As(err, &p) {
		fields = append(fields, zap.String("stack", p.stack))
	}
	f.log().Error("discovery failed", fields...)
}

func (f *sourceState) recover(now time.Time) {
	if lasted, was := f.outage.end(now); was {
		f.log().Info("discovery works again", zap.Duration("after", lasted), zap.Int("endpoints", len(f.serving)))
	}
}

// drop tells of entries that could not be taken, once until they are others.
func (f *sourceState) drop(dropped []discovery.Dropped) {
	before := f.dropped
	f.dropped = nil
	for _, d := range dropped {
		f.dropped = append(f.dropped, endpoint.DroppedEntry{Key: shortened(d.Key), Reason: shortened(d.Err.Error())})
	}
	slices.SortFunc(f.dropped, func(a, b endpoint.DroppedEntry) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Reason, b.Reason))
	})
	if len(f.dropped) == 0 || slices.Equal(before, f.dropped) {
		return
	}
	var first []string
	for _, d := range f.firstDropped() {
		first = append(first, d.Key+": "+d.Reason)
	}
	f.log().Warn("discovery: entries were dropped", zap.Int("dropped", len(f.dropped)), zap.Strings("first", first))
}

func (f *sourceState) firstDropped() []endpoint.DroppedEntry {
	return slices.Clip(f.dropped[:min(len(f.dropped), firstFew)])
}

// shortened keeps what a registry says from filling memory and logs.
func shortened(s string) string {
	const longest = 300 // a key, or a reason, which quotes what is wrong in a hundred bytes
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "..."
}

func (f *sourceState) status() endpoint.SourceStatus {
	return endpoint.SourceStatus{
		Name: f.ref.name, Position: f.ref.position,
		State: f.state(), Entries: len(f.serving),
		LastSuccess: f.lastSuccess, LastError: f.lastError, LastErrorAt: f.lastErrorAt,
		HeldUntil: f.guard.until(),
		Dropped:   len(f.dropped), FirstDropped: f.firstDropped(),
	}
}

func (f *sourceState) state() endpoint.SourceState {
	switch {
	case f.list == nil:
		return endpoint.SourceWaiting
	case f.guard.holding:
		return endpoint.SourceHeld
	case f.failing || f.origin != fromSource:
		return endpoint.SourceStale
	}
	return endpoint.SourceLive
}
