package pool

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// recall looks for the stored list of a source that has none. Nothing waits for storage: the source
// may answer meanwhile, and then its answer stands.
func (m *membership) recall(ctx context.Context, f *follower) {
	if m.archive == nil || f.list != nil || f.recalled || f.part.local() {
		return
	}
	f.recalled = true
	m.reading.Go(func() {
		list, at := m.archive.read(ctx, f.part.key)
		m.do(ctx, func(now time.Time) {
			if f.restore(list, fromStorage, at) {
				m.dirty = true
				f.log().Warn("discovery: the source has not answered yet; uses its stored list",
					zap.Int("endpoints", len(list)), zap.Duration("age", now.Sub(at)))
			}
		})
	})
}

// remember keeps the last good list of a source for the definition that follows, and for after a restart.
func (m *membership) remember(f *follower) {
	lists := make(map[string][]listing.Info, len(m.followers))
	for _, f := range m.followers {
		lists[f.part.key] = f.list
	}
	m.roster.SetSourceLists(lists)
	if m.archive != nil && f.origin == fromSource && !f.part.local() {
		m.archive.put(f.part.key, f.list, f.lastSuccess)
	}
}
