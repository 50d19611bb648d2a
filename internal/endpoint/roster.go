package endpoint

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// Roster is the list of endpoints of a pool according to one definition of it, and how requests are shared
// among them. Its owner replaces the list as a whole; policies follow it.
type Roster struct {
	name     string
	pool     *Pool
	rules    Rules
	snapshot atomic.Pointer[Snapshot]
	worked   atomic.Uint64 // how many of the pool's changes are in the snapshot
	leads    atomic.Bool
	holder   atomic.Pointer[Holder]
	observer Observer // under the pool's lock
	journal  journal

	provenance provenance

	mu        sync.Mutex // orders Replace, Follow, work and close
	followers map[*func(*Snapshot)]struct{}
	answered  chan struct{}
	told      Mode         // that people know of; before the first list it is no news that nobody serves
	settled   atomic.Int64 // the Instant from which on newcomers join a running pool; 0 before the first list
	dirty     chan struct{}
}

func newRoster(name string, p *Pool, rules Rules) *Roster {
	r := &Roster{
		name: name, pool: p, rules: rules, followers: make(map[*func(*Snapshot)]struct{}),
		answered: make(chan struct{}), dirty: make(chan struct{}, 1),
	}
	r.holder.Store(new(Holder))
	r.snapshot.Store(rules.share(nil, 0))
	return r
}

// Snapshot is the list as it is now.
func (r *Roster) Snapshot() *Snapshot { return r.snapshot.Load() }

// Answered is closed when the list was replaced for the first time.
func (r *Roster) Answered() <-chan struct{} { return r.answered }

// InFlight is the number of requests in flight in the roster's pool.
func (r *Roster) InFlight() int { return int(r.pool.inFlight.Load()) }

// Leads reports whether the roster is that of the newest definition of its pool. While a reload is under way, others
// stand beside it; only the one that leads has probes made and endpoints ejected.
func (r *Roster) Leads() bool { return r.leads.Load() }

// Replace makes infos the list, and keeps them. Who was in it before keeps its Endpoint. Nothing is
// published if nothing changed. The infos must be normalized.
func (r *Roster) Replace(infos []listing.Info) Change {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.snapshot.Load()
	change := diff(old, infos)
	if !change.Empty() || reordered(old, infos) {
		s := r.workOut(r.join(infos), old)
		r.publish(s)
		if s.rising {
			r.stir()
		}
		r.pool.drop(old.Members)
	}
	select {
	case <-r.answered:
	default:
		r.settled.CompareAndSwap(0, int64(load.Now())+int64(settling))
		close(r.answered)
	}
	return change
}

// settling is how long after the first list a pool still counts as new: several sources
// do not answer at the same instant.
const settling = 2 * time.Second

// Running reports whether an endpoint that joins now joins a running pool, rather than one at its start.
func (r *Roster) Running() bool {
	settled := load.Instant(r.settled.Load())
	return settled != 0 && load.Now() > settled
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

// Watch makes o the observer of the pool's attempts as long as the roster leads.
func (r *Roster) Watch(o Observer) {
	r.pool.mu.Lock()
	defer r.pool.mu.Unlock()
	r.observer = o
	r.pool.appointLocked()
}

// inheritLocked starts from the list of another definition, so that a changed definition
// takes over without an empty moment. It does not count as an answer.
func (r *Roster) inheritLocked(from *Roster) {
	inherited := from.Snapshot()
	for i := range inherited.Members {
		r.pool.holdLocked(inherited.Members[i].Address())
	}
	s := r.rules.share(memberCopies(inherited), load.Now())
	s.index(inherited)
	r.snapshot.Store(s)
	r.told = s.Mode
	r.settled.Store(from.settled.Load())
	r.provenance.lists.Store(from.provenance.lists.Load())
}

func (r *Roster) join(infos []listing.Info) []Member {
	endpoints := r.pool.hold(infos)
	members := make([]Member, len(infos))
	for i := range infos {
		members[i] = Member{Endpoint: endpoints[i], Info: &infos[i]}
	}
	return members
}

func (r *Roster) publish(s *Snapshot) {
	for follower := range r.followers {
		(*follower)(s)
	}
	r.snapshot.Store(s)
}

// close lets go of the endpoints.
func (r *Roster) close() { r.pool.drop(r.Snapshot().Members) }
