package discovery

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// registries are the leases of all pools that have a registry source at work. A reload that changes a pool's
// definition runs the new source before the old one ends, so that both have the same leases.
var registries = registryTable{byPool: make(map[string]*Leases)}

type registryTable struct {
	mu     sync.Mutex
	byPool map[string]*Leases
}

func (t *registryTable) join(s *RegistrySource) *Leases {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.byPool[s.pool]
	if l == nil {
		l = newLeases(s.pool)
		t.byPool[s.pool] = l
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sources = append(l.sources, s)
	return l
}

func (t *registryTable) leave(s *RegistrySource, l *Leases) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	// The last one stays, for requests that have found the leases already.
	if len(l.sources) > 1 {
		l.sources = slices.DeleteFunc(l.sources, func(other *RegistrySource) bool { return other == s })
		return
	}
	delete(t.byPool, s.pool)
}

// LeasesOf finds the leases of a pool for the admin API: nil if it has no registry source. It waits
// until what Caddy's storage has of them is there.
func LeasesOf(ctx context.Context, pool string) *Leases {
	registries.mu.Lock()
	l := registries.byPool[pool]
	registries.mu.Unlock()
	if l != nil {
		select {
		case <-l.restored:
		case <-ctx.Done():
			return nil
		}
	}
	return l
}

// grain is the least time between two looks at the leases: thousands of registrations in a second
// are a few lists, and a lease ends at most this late. To look at 10,000 leases takes 0.5 ms.
const grain = 100 * time.Millisecond

// follow reports the list on every change until ctx ends.
func (l *Leases) follow(ctx context.Context, report Report, failures <-chan error) {
	for reported := -1; ; {
		l.expire(time.Now())
		version, changed, next := l.state()
		if version != reported {
			report(l.answer(time.Now()))
			reported = version
		}
		if !rest(ctx, grain) {
			return
		}
		select {
		case <-changed:
		case <-next:
		case err := <-failures:
			report(Answer{Err: err})
		case <-ctx.Done():
			return
		}
	}
}

// state is the version of the leases, what tells of the next one, and what tells that a lease may end.
func (l *Leases) state() (version int, changed <-chan struct{}, next <-chan time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.next.IsZero() {
		next = time.After(time.Until(l.next))
	}
	return l.version, l.changed, next
}

func (l *Leases) answer(now time.Time) Answer {
	l.mu.Lock()
	defer l.mu.Unlock()
	infos := make([]endpoint.Info, 0, len(l.byID))
	for _, held := range l.byID {
		infos = append(infos, held.info)
	}
	return Answer{Endpoints: infos, Final: !now.Before(l.certain)}
}
