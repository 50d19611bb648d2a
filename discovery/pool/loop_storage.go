package pool

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// recall looks for the stored list of a source that has none. Nothing waits for storage: the source
// may answer meanwhile, and then its answer stands.
func (m *loop) loadStored(ctx context.Context, f *sourceState) {
	if m.store == nil || f.list != nil || f.storedRead || f.ref.local() {
		return
	}
	f.storedRead = true
	m.reading.Go(func() {
		list, at := m.store.read(ctx, f.ref.key)
		m.enqueue(ctx, func(now time.Time) {
			if f.restore(list, fromStorage, at) {
				m.dirty = true
				f.log().Warn("discovery: the source has not answered yet; uses its stored list",
					zap.Int("endpoints", len(list)), zap.Duration("age", now.Sub(at)))
			}
		})
	})
}

// remember keeps the last good list of a source for the definition that follows, and for after a restart.
func (m *loop) keepList(f *sourceState) {
	lists := make(map[string][]listing.Info, len(m.sources))
	for _, f := range m.sources {
		lists[f.ref.key] = f.list
	}
	m.roster.SetSourceLists(lists)
	if m.store != nil && f.origin == fromSource && !f.ref.local() {
		m.store.put(f.ref.key, f.list, f.lastSuccess)
	}
}
