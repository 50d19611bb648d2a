package registry

import (
	"context"
	"slices"
	"sync"
)

// registries are the leases of all pools that a config gives a registry source. They are there before a source of
// the pool runs, or who registers right after a start would be told that there is no such pool. A reload that changes a
// pool's definition runs the new source before the old one ends, so that both have the same leases.
var registries = registryTable{byPool: make(map[string]*Leases)}

type registryTable struct {
	mu     sync.Mutex
	byPool map[string]*Leases
}

// open finds or makes the leases of a pool for one more source.
func (t *registryTable) open(pool string) *Leases {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.byPool[pool]
	if l == nil {
		l = newLeases(pool)
		t.byPool[pool] = l
	}
	l.uses++
	return l
}

// close undoes open.
func (t *registryTable) close(l *Leases) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.uses--; l.uses == 0 {
		delete(t.byPool, l.pool)
		close(l.closed)
	}
}

// LeasesOf finds the leases of a pool for the admin API: nil if it has no registry source. It waits
// until what Caddy's storage has of them is there.
func LeasesOf(ctx context.Context, pool string) *Leases {
	registries.mu.Lock()
	l := registries.byPool[pool]
	registries.mu.Unlock()
	if l == nil {
		return nil
	}
	select {
	case <-l.restored:
		return l
	case <-l.closed: // the config did not come into force
	case <-ctx.Done():
	}
	return nil
}

// begin is for a source that runs now, whose limits are to hold from then on.
func (l *Leases) begin(s *Source) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sources = append(l.sources, s)
}

// end undoes begin. The last source stays, for requests that have found the leases already.
func (l *Leases) end(s *Source) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.sources) > 1 {
		l.sources = slices.DeleteFunc(l.sources, func(other *Source) bool { return other == s })
	}
}
