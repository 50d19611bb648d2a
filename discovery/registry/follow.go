package registry

import (
	"context"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// minReportInterval is the minimum time between two reports, so that thousands of registrations in
// a second become a few lists. A lease ends at most this late. To check 10,000 leases takes 0.5 ms.
const minReportInterval = 100 * time.Millisecond

// Run implements discovery.Source. It returns only when ctx ends: an error of the storage is
// reported, because services must be able to register all the same.
func (s *Source) Run(ctx context.Context, report discovery.Report) error {
	s.leases.begin(ctx, s)
	defer s.leases.end(s)
	s.leases.restore(ctx, report)
	failures := make(chan error, 1)
	saved := make(chan struct{})
	go func() {
		defer close(saved)
		s.leases.saveChanges(ctx, failures)
	}()
	s.leases.follow(ctx, report, failures)
	<-saved
	return nil
}

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

// state returns the version of the leases, a channel that the next version closes, and a timer for
// the end of the next lease.
func (l *Leases) state() (version int, changed <-chan struct{}, next <-chan time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.next.IsZero() {
		next = time.After(time.Until(l.next))
	}
	return l.version, l.changed, next
}

// answer returns the list. While leases may be missing that a storage could not restore, it is not
// authoritative.
func (l *Leases) answer(now time.Time) discovery.Answer {
	l.mu.Lock()
	defer l.mu.Unlock()
	infos := make([]listing.Info, 0, len(l.byID))
	for _, lease := range l.byID {
		infos = append(infos, lease.info)
	}
	return discovery.Answer{Endpoints: infos, Authoritative: !now.Before(l.uncertainUntil)}
}
