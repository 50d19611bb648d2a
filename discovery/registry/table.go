package registry

import (
	"context"
	"slices"
	"sync"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// allLeases holds the leases of all pools that have a registry source. They exist before the source
// runs. Otherwise a service that registers right after startup would get a 404. A reload that
// changes a pool's definition runs the new source before the old one ends, so both share the
// leases.
var allLeases = leaseTable{byPool: make(map[string]*Leases)}

// leaseTable is the leases of several pools.
type leaseTable struct {
	mu     sync.Mutex
	byPool map[string]*Leases
}

// open returns the leases of a pool for one more source. The first source creates them.
func (t *leaseTable) open(pool string) *Leases {
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

// close ends the use by one source. The last one removes the leases.
func (t *leaseTable) close(l *Leases) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.uses--; l.uses == 0 {
		delete(t.byPool, l.pool)
		close(l.closed)
	}
}

// LeasesOf returns the leases of a pool for the admin API, or nil if the pool has no registry
// source. It waits until they are restored from Caddy's storage.
func LeasesOf(ctx context.Context, pool string) *Leases {
	allLeases.mu.Lock()
	l := allLeases.byPool[pool]
	allLeases.mu.Unlock()
	if l == nil {
		return nil
	}
	select {
	case <-l.restored:
		return l
	case <-l.closed: // the config failed to start
	case <-ctx.Done():
	}
	return nil
}

// begin adds a source that runs with ctx. Its limits apply from now on.
func (l *Leases) begin(ctx context.Context, s *Source) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.checkAddress = func(address string) error { return discovery.CheckAddress(ctx, address) }
	l.sources = append(l.sources, s)
}

// end removes a source that ran. The last source stays, because requests may still hold the leases
// and need its limits.
func (l *Leases) end(s *Source) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.sources) > 1 {
		l.sources = slices.DeleteFunc(l.sources, func(other *Source) bool { return other == s })
	}
}
