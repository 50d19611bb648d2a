package pool

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// originOf returns the origin of the records of a source. It may wait for the folder that has the
// ID of this instance.
func (l *loop) originOf(pool, source string) (discovery.Origin, error) {
	origin := discovery.Origin{Shared: l.settings.shared, Pool: pool, Source: source}
	if origin.Shared != "" {
		return origin, nil
	}
	id, err := l.settings.records.instance()
	if err != nil {
		return origin, fmt.Errorf("the instance ID of Caddy: %w", err)
	}
	origin.Instance = id
	return origin, nil
}

// loadStored reads the stored list of a source that has no list yet, once. The loop does not wait
// for storage: if the source answers in the meantime, its answer stands.
func (l *loop) loadStored(ctx context.Context, s *sourceState) {
	if l.store == nil || s.hasWholeList() || s.storedRead || s.ref.isLocal() {
		return
	}
	s.storedRead = true
	l.reads.Go(func() {
		list, at := l.store.read(ctx, s.ref, s.limit)
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
		l.store.put(changed.ref, changed.list, changed.lastSuccess)
	}
}
