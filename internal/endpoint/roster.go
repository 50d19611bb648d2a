package endpoint

import (
	"maps"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"
)

// Roster is the list of endpoints of a pool according to one definition of it.
// Its owner replaces the list as a whole; policies follow it.
type Roster struct {
	pool     *Pool
	snapshot atomic.Pointer[Snapshot]
	logger   atomic.Pointer[zap.Logger]

	mu        sync.Mutex // orders Replace, Follow and close
	followers map[*func(*Snapshot)]struct{}
	answered  chan struct{}
}

func newRoster(p *Pool) *Roster {
	r := &Roster{pool: p, followers: make(map[*func(*Snapshot)]struct{}), answered: make(chan struct{})}
	r.snapshot.Store(newSnapshot(nil))
	return r
}

// Snapshot is the list as it is now.
func (r *Roster) Snapshot() *Snapshot { return r.snapshot.Load() }

// Answered is closed when the list was replaced for the first time.
func (r *Roster) Answered() <-chan struct{} { return r.answered }

// InFlight is the number of requests in flight in the roster's pool.
func (r *Roster) InFlight() int { return int(r.pool.inFlight.Load()) }

// Logger is that of the newest module that uses the roster.
func (r *Roster) Logger() *zap.Logger { return r.logger.Load() }

// Change says how a list differs from the one before.
type Change struct{ Added, Removed, Changed []string }

// Empty reports whether nothing changed.
func (c Change) Empty() bool { return len(c.Added)+len(c.Removed)+len(c.Changed) == 0 }

// Replace makes infos the list, and keeps them. Who was in it before keeps its Endpoint. Nothing is
// published if nothing changed. The infos must be normalized.
func (r *Roster) Replace(infos []Info) Change {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.snapshot.Load()
	change := diff(old, infos)
	if !change.Empty() || reordered(old, infos) {
		r.publish(r.join(infos))
		r.pool.drop(old.Members)
	}
	select {
	case <-r.answered:
	default:
		close(r.answered)
	}
	return change
}

// Follow calls follower with the list as it is and then with every new one, before
// it is published, until stop is called. Tables are built there, off the request path.
func (r *Roster) Follow(follower func(*Snapshot)) (stop func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := &follower
	r.followers[key] = struct{}{}
	follower(r.snapshot.Load())
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.followers, key)
	}
}

// inheritLocked starts from the list of another definition, so that a changed definition
// takes over without an empty moment. It does not count as an answer.
func (r *Roster) inheritLocked(from *Roster) {
	snapshot := from.Snapshot()
	for i := range snapshot.Members {
		r.pool.holdLocked(snapshot.Members[i].Address())
	}
	r.snapshot.Store(snapshot)
}

func (r *Roster) join(infos []Info) *Snapshot {
	endpoints := r.pool.hold(infos)
	members := make([]Member, len(infos))
	for i := range infos {
		members[i] = Member{Endpoint: endpoints[i], Info: &infos[i], MaxRequests: int32(infos[i].MaxRequests)}
		if infos[i].Serving() {
			members[i].Weight = uint32(infos[i].Weight)
		}
	}
	return newSnapshot(members)
}

func (r *Roster) publish(s *Snapshot) {
	for follower := range r.followers {
		(*follower)(s)
	}
	r.snapshot.Store(s)
}

// close lets go of the endpoints.
func (r *Roster) close() { r.pool.drop(r.Snapshot().Members) }

// diff is the one place where lists are compared.
func diff(old *Snapshot, infos []Info) Change {
	var c Change
	present := make(map[string]struct{}, len(infos))
	for i := range infos {
		present[infos[i].Address] = struct{}{}
		switch was := old.Find(infos[i].Address); {
		case was == nil:
			c.Added = append(c.Added, infos[i].Address)
		case !equal(was.Info, &infos[i]):
			c.Changed = append(c.Changed, infos[i].Address)
		}
	}
	for i := range old.Members {
		if _, ok := present[old.Members[i].Address()]; !ok {
			c.Removed = append(c.Removed, old.Members[i].Address())
		}
	}
	return c
}

func equal(a, b *Info) bool {
	return a.ID == b.ID && a.Weight == b.Weight && a.Zone == b.Zone && a.Priority == b.Priority &&
		a.MaxRequests == b.MaxRequests && a.Draining == b.Draining && maps.Equal(a.Metadata, b.Metadata)
}

// reordered reports whether equal sets stand in another order or number, which
// matters where a list is joined by position.
func reordered(old *Snapshot, infos []Info) bool {
	if len(old.Members) != len(infos) {
		return true
	}
	for i := range infos {
		if old.Members[i].Address() != infos[i].Address {
			return true
		}
	}
	return false
}
