package endpoint

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/limit"
	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/load"
	"github.com/caddy-balance/caddy-balance/internal/signal"
)

// Roster is the list of endpoints of a pool by one definition of it, and how requests are shared
// among them. Run of the definition replaces the list as a whole. Monitors prepare for each list
// before it is published; policies build their tables after that.
type Roster struct {
	name       string
	pool       *Pool
	rules      Rules
	limits     limit.Settings
	metrics    *bool // whether there are metrics of each endpoint; nil if their number decides
	snapshot   atomic.Pointer[Snapshot]
	included   atomic.Uint64 // how many of the pool's changes the snapshot includes
	current    atomic.Bool
	reporting  atomic.Bool // the shares may change by load reports without an event
	owner      atomic.Pointer[Owner]
	owned      signal.Signal // set when the owner changes
	observer   Observer      // guarded by the pool's lock
	queue      eventQueue
	said       sync.Map // texts of FirstTime, which are a few constants
	explainers sync.Map // of the handlers that pick from the list
	splitters  sync.Map // of the policies that share among groups of the list
	subset     *subset  // nil of a whole pool

	provenance provenance

	subscribers subscribers

	mu          sync.Mutex // orders Replace, BeforePublish, recomputing and close
	preparers   map[*func(*Snapshot)]struct{}
	reported    *[]listing.Info // what the sources reported last; nil before
	answered    chan struct{}
	announced   Mode         // the last mode that was logged; Healthy at first, so that a good start logs nothing
	runningFrom atomic.Int64 // the Instant at which the start of the pool is over; 0 before the first list
	dirty       signal.Signal
}

func newRoster(name string, p *Pool, rules Rules) *Roster {
	rules.Watched |= operator
	r := &Roster{
		name: name, pool: p, rules: rules, preparers: make(map[*func(*Snapshot)]struct{}),
		answered: make(chan struct{}), dirty: signal.New(), owned: signal.New(),
	}
	r.owner.Store(new(Owner))
	empty := rules.snapshot(nil, 0)
	empty.ModeSince = time.Now()
	r.snapshot.Store(empty)
	return r
}

// Name returns the name of the roster's pool.
func (r *Roster) Name() string { return r.name }

// Limits returns what bounds the requests of the roster's pool.
func (r *Roster) Limits() *limit.Limits { return &r.pool.limits }

// MetricsPerEndpoint returns whether there are metrics of each endpoint, nil if their number
// decides.
func (r *Roster) MetricsPerEndpoint() *bool { return r.metrics }

// Snapshot returns the list as it is now.
func (r *Roster) Snapshot() *Snapshot { return r.snapshot.Load() }

// Answered returns a channel that is closed when the list was replaced for the first time.
func (r *Roster) Answered() <-chan struct{} { return r.answered }

// InFlight returns the number of requests in flight in the roster's pool, or at the members of a
// subset.
func (r *Roster) InFlight() int {
	if r.subset != nil {
		return r.Snapshot().inFlight()
	}
	return int(r.pool.inFlight.Load())
}

// IsCurrent reports whether the roster belongs to the newest definition of its pool. During a
// reload others run beside it. Only the current roster has its endpoints checked and ejected.
func (r *Roster) IsCurrent() bool { return r.current.Load() }

// Replace makes infos the list, and keeps the slice. An address that was in the list before keeps
// its Endpoint. Nothing is published if nothing changed. The infos must be normalized.
//
// The subscribers have been called when Replace returns.
func (r *Roster) Replace(infos []listing.Info) Change {
	change := r.replace(infos)
	r.subscribers.notify(r)
	return change
}

func (r *Roster) replace(infos []listing.Info) Change {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reported = &infos
	return r.replaceLocked(infos)
}

func (r *Roster) replaceLocked(infos []listing.Info) Change {
	if f := r.Frozen(); f != nil {
		infos = f.Infos
	}
	old := r.snapshot.Load()
	change := diff(old, infos)
	if !change.Empty() || reordered(old, infos) {
		members := r.join(infos)
		r.forgetFailures(old, members)
		s := r.recompute(members, old)
		r.publish(s)
		if s.ramping || s.reporting {
			r.dirty.Set()
		}
		r.pool.release(old.Members)
		r.recordMembership(change, old, len(infos))
	}
	select {
	case <-r.answered:
	default:
		r.runningFrom.CompareAndSwap(0, int64(load.Now())+int64(startPeriod))
		close(r.answered)
	}
	return change
}

// forgetFailures forgets the failures and the load reports of endpoints that have another ID now,
// because another process is at their address. What is known of the speed stays: it adapts within
// moments.
func (r *Roster) forgetFailures(old *Snapshot, members []Member) {
	if !r.IsCurrent() {
		return
	}
	for i := range members {
		m := &members[i]
		if before := old.Find(m.Address()); before != nil && before.Info.ID != m.Info.ID {
			m.Load.Recover()
			m.forgetReports()
		}
	}
}

// startPeriod is how long after its first list a pool still counts as starting: several sources do
// not answer at the same instant.
const startPeriod = 2 * time.Second

// Running reports whether the pool is past its start, so that an endpoint that joins now joins
// others that have traffic.
func (r *Roster) Running() bool {
	from := load.Instant(r.runningFrom.Load())
	return from != 0 && load.Now() > from
}

// BeforePublish calls prepare with the current list, and then with each new list before it is
// published, until stop is called. The list waits for it, and so does a pick that catches up, so it
// must be quick.
func (r *Roster) BeforePublish(prepare func(*Snapshot)) (stop func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := &prepare
	r.preparers[key] = struct{}{}
	prepare(r.snapshot.Load())
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.preparers, key)
	}
}

// Watch makes o the observer of the pool's attempts as long as the roster is current.
func (r *Roster) Watch(o Observer) {
	r.pool.mu.Lock()
	defer r.pool.mu.Unlock()
	r.observer = o
	r.pool.electLocked()
}

// inheritLocked starts from the list of another definition, so that a changed definition takes over
// without an empty moment. It does not count as an answer of the sources.
func (r *Roster) inheritLocked(from *Roster) {
	inherited := from.Snapshot()
	for i := range inherited.Members {
		r.pool.retainLocked(inherited.Members[i].Address())
	}
	s := r.rules.snapshot(memberCopies(inherited), load.Now())
	s.continueMode(inherited)
	s.index(inherited)
	r.reporting.Store(s.reporting)
	r.snapshot.Store(s)
	r.announced = s.Mode
	r.runningFrom.Store(from.runningFrom.Load())
	r.provenance.lists.Store(from.provenance.lists.Load())
}

// join pairs what a source says with the pool's endpoints.
func (r *Roster) join(infos []listing.Info) []Member {
	endpoints := r.pool.retain(infos)
	members := make([]Member, len(infos))
	for i := range infos {
		members[i] = Member{Endpoint: endpoints[i], Info: &infos[i]}
		r.checkOverride(infos[i].Address, endpoints[i].Override(), infos[i].ID)
	}
	return members
}

// publish lets the monitors prepare for a snapshot, and makes it the current one.
func (r *Roster) publish(s *Snapshot) {
	for prepare := range r.preparers {
		(*prepare)(s)
	}
	r.snapshot.Store(s)
}

// close releases the endpoints of the list.
func (r *Roster) close() { r.pool.release(r.Snapshot().Members) }
