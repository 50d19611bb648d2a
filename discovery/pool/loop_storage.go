package pool

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// loadStored reads the stored list of a source that has no list yet, once. The loop does not wait
// for storage: if the source answers in the meantime, its answer stands.
func (l *loop) loadStored(ctx context.Context, s *sourceState) {
	if l.store == nil || s.hasWholeList() || s.storedRead || s.ref.isLocal() {
		return
	}
	s.storedRead = true
	l.reads.Go(func() {
		list, at := l.store.read(ctx, s.ref.key)
		l.enqueue(ctx, func(now time.Time) {
			if s.restoreList(list, fromStorage, at) {
				l.dirty = true
				s.log().Warn("discovery: stored list serves until the source answers",
					zap.Int("endpoints", len(list)), zap.Duration("age", now.Sub(at)))
			}
		})
	})
}

// saveList keeps the last good lists for the next definition of the pool, and stores the changed
// one for the next start.
func (l *loop) saveList(changed *sourceState) {
	lists := make(map[string][]discovery.Endpoint, len(l.sources))
	for _, s := range l.sources {
		if s.hasWholeList() {
			lists[s.ref.key] = s.list
		}
	}
	l.roster.SetSourceLists(lists)
	if l.store != nil && changed.origin == fromSource && !changed.ref.isLocal() {
		l.store.put(changed.ref.key, changed.list, changed.lastSuccess)
	}
}
