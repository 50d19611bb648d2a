package endpoint

import (
	"slices"

	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// subset is what a roster has that follows a part of another one.
type subset struct {
	of       *Roster
	in       func(*listing.Info) bool
	followed *Snapshot // of the whole; guarded by the lock of the roster
}

// Subset returns a roster of the members that in chooses, until stop is called. It follows the list
// of the roster, and shares requests among its members as a pool of them would, with priorities,
// zones and slow starts. Whether the health of endpoints counts is decided for the whole pool: a
// subset without a usable member has none as long as others of the pool are usable.
func (r *Roster) Subset(in func(*listing.Info) bool) (part *Roster, stop func()) {
	part = newRoster(r.name, r.pool, r.rules)
	part.subset = &subset{of: r, in: in}
	stop = r.Subscribe(func(s *Snapshot) {
		part.subset.follow(part, s)
		part.subscribers.notify(part)
	})
	return part, stop
}

// follow makes the members of the whole that belong to the subset its list.
func (f *subset) follow(part *Roster, whole *Snapshot) {
	part.mu.Lock()
	defer part.mu.Unlock()
	if f.followed == whole {
		return
	}
	f.followed = whole
	members := slices.DeleteFunc(memberCopies(whole), func(m Member) bool { return !f.in(m.Info) })
	old := part.Snapshot()
	s := part.rules.snapshotIn(whole.Mode, members, load.Now())
	s.ModeSince = whole.ModeSince
	s.index(old)
	if !s.sameShares(old) {
		part.snapshot.Store(s)
	}
}

// catchUp is CatchUp for a subset. Its subscribers are called when those of the whole are.
func (f *subset) catchUp(part *Roster) {
	f.of.CatchUp(f.of.Snapshot())
	f.follow(part, f.of.Snapshot())
}

func (s *Snapshot) inFlight() (n int) {
	for i := range s.Members {
		n += s.Members[i].InFlight()
	}
	return n
}
