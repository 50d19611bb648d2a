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
	included atomic.Uint64 // how many of the pool's changes are in the snapshot
	current  atomic.Bool
	owner    atomic.Pointer[Owner]
	observer Observer // under the pool's lock
	journal  journal

	provenance provenance

	mu          sync.Mutex // orders Replace, Follow, work and close
	subscribers map[*func(*Snapshot)]struct{}
	answered    chan struct{}
	announced   Mode         // that people know of; before the first list it is no news that nobody serves
	runningFrom atomic.Int64 // the Instant from which on newcomers join a running pool; 0 before the first list
	dirty       chan struct{}
}

func newRoster(name string, p *Pool, rules Rules) *Roster {
	r := &Roster{
		name: name, pool: p, rules: rules, subscribers: make(map[*func(*Snapshot)]struct{}),
		answered: make(chan struct{}), dirty: make(chan struct{}, 1),
	}
	r.owner.Store(new(Owner))
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
func (r *Roster) IsCurrent() bool { return r.current.Load() }

// Replace makes infos the list, and keeps them. Who was in it before keeps its Endpoint. Nothing is
// published if nothing changed. The infos must be normalized.
func (r *Roster) Replace(infos []listing.Info) Change {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.snapshot.Load()
	change := diff(old, infos)
	if !change.Empty() || reordered(old, infos) {
		s := r.recompute(r.join(infos), old)
		r.publish(s)
		if s.rising {
			r.wake()
		}
		r.pool.release(old.Members)
	}
	select {
	case <-r.answered:
	default:
		r.runningFrom.CompareAndSwap(0, int64(load.Now())+int64(startPeriod))
		close(r.answered)
	}
	return change
}

// settling is how long after the first list a pool still counts as new: several sources
// do not answer at the same instant.
const startPeriod = 2 * time.Second

// Running reports whether an endpoint that joins now joins a running pool, rather than one at its start.
func (r *Roster) Running() bool {
	settled := load.Instant(r.runningFrom.Load())
	return settled != 0 && load.Now() > settled
}

// Follow calls follower with the list as it is and then with every new one, before
// it is published, until stop is called. Tables are built there, off the request path.
func (r *Roster) Subscribe(follower func(*Snapshot)) (stop func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := &follower
	r.subscribers[key] = struct{}{}
	follower(r.snapshot.Load())
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.subscribers, key)
	}
}

// Watch makes o the observer of the pool's attempts as long as the roster leads.
func (r *Roster) Watch(o Observer) {
	r.pool.mu.Lock()
	defer r.pool.mu.Unlock()
	r.observer = o
	r.pool.electLocked()
}

// inheritLocked starts from the list of another definition, so that a changed definition
// takes over without an empty moment. It does not count as an answer.
func (r *Roster) inheritLocked(from *Roster) {
	inherited := from.Snapshot()
	for i := range inherited.Members {
		r.pool.retainLocked(inherited.Members[i].Address())
	}
	s := r.rules.share(memberCopies(inherited), load.Now())
	s.index(inherited)
	r.snapshot.Store(s)
	r.announced = s.Mode
	r.runningFrom.Store(from.runningFrom.Load())
	r.provenance.lists.Store(from.provenance.lists.Load())
}

func (r *Roster) join(infos []listing.Info) []Member {
	endpoints := r.pool.retain(infos)
	members := make([]Member, len(infos))
	for i := range infos {
		members[i] = Member{Endpoint: endpoints[i], Info: &infos[i]}
	}
	return members
}

func (r *Roster) publish(s *Snapshot) {
	for follower := range r.subscribers {
		(*follower)(s)
	}
	r.snapshot.Store(s)
}

// close lets go of the endpoints.
func (r *Roster) close() { r.pool.release(r.Snapshot().Members) }
