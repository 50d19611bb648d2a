package pool

import (
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// publishAt is when the list is to be published; zero if not. The first change after quiet goes out at once,
// further ones together once in each interval. Requests wait for a pool that has nobody, so that does not wait.
func (m *loop) publishAt() time.Time {
	switch {
	case !m.dirty || !m.presentable():
		return time.Time{}
	case len(m.roster.Snapshot().Members) == 0:
		return m.handover.since
	}
	return m.published.Add(m.settings.updateInterval)
}

// presentable is false of a first list that is empty while some source has said nothing. Requests wait for the first list, and
// the others may have more to say.
func (m *loop) presentable() bool {
	heard := true
	for _, f := range m.sources {
		if len(f.serving) > 0 {
			return true
		}
		heard = heard && f.answered
	}
	return heard || len(m.handover.list) > 0 || m.answered()
}

func (m *loop) answered() bool {
	select {
	case <-m.roster.Answered():
		return true
	default:
		return false
	}
}

func (m *loop) publish(now time.Time) {
	var all []listing.Info
	for _, f := range m.sources {
		all = union(all, f.serving)
	}
	m.dirty, m.published = false, now
	m.tell(m.roster.Replace(union(all, m.handover.list)))
}

// tell is the one line that says how the membership changed.
func (m *loop) tell(c endpoint.Change) {
	if c.Empty() {
		return
	}
	fields := []zap.Field{zap.Int("endpoints", len(m.roster.Snapshot().Members))}
	for _, part := range []struct {
		name      string
		addresses []string
	}{{"added", c.Added}, {"removed", c.Removed}, {"changed", c.Changed}} {
		if n := len(part.addresses); n > 0 {
			fields = append(fields, zap.Int(part.name, n), zap.Strings(part.name+"_addresses", part.addresses[:min(n, firstFew)]))
		}
	}
	m.log().Info("pool changed", fields...)
}
