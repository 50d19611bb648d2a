package registry

import (
	"context"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// grain is the least time between two looks at the leases: thousands of registrations in a second
// are a few lists, and a lease ends at most this late. To look at 10,000 leases takes 0.5 ms.
const minReportInterval = 100 * time.Millisecond

// follow reports the list on every change until ctx ends.
func (l *Leases) follow(ctx context.Context, report discovery.Report, failures <-chan error) {
	for reported := -1; ; {
		l.expire(time.Now())
		version, changed, next := l.state()
		if version != reported {
			report(l.answer(time.Now()))
			reported = version
		}
		if !discovery.Sleep(ctx, minReportInterval) {
			return
		}
		select {
		case <-changed:
		case <-next:
		case err := <-failures:
			report(discovery.Answer{Err: err})
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

func (l *Leases) answer(now time.Time) discovery.Answer {
	l.mu.Lock()
	defer l.mu.Unlock()
	infos := make([]listing.Info, 0, len(l.byID))
	for _, held := range l.byID {
		infos = append(infos, held.info)
	}
	return discovery.Answer{Endpoints: infos, Authoritative: !now.Before(l.certain)}
}
