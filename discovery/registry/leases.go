package registry

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/bounded"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// Leases are the registrations of one pool. Several sources share them: after a reload that changes
// the pool, the new source starts before the old one stops.
type Leases struct {
	pool      string
	uses      int           // the number of provisioned sources; the mutex of the table guards it
	closed    chan struct{} // closed with the last of them
	restoring sync.Once
	restored  chan struct{} // closed after the storage was read
	saving    sync.Mutex
	writes    bounded.Caller

	mu             sync.Mutex
	byID           map[string]*lease
	idByAddress    map[string]string
	size           int       // of all registrations, see sizeOf
	sources        []*Source // those that run, oldest first; the newest sets the limits
	next           time.Time // the end of the first lease, as of the last check; zero without leases
	uncertainUntil time.Time // until then endpoints may be missing that the storage could not restore

	version, saved int           // the current version, and the one in the storage
	changed        chan struct{} // closed by the next change
}

// lease is an endpoint and the time when it is removed without another heartbeat.
type lease struct {
	info listing.Info
	ttl  time.Duration
	ends time.Time
}

func newLeases(pool string) *Leases {
	return &Leases{
		pool: pool, closed: make(chan struct{}), restored: make(chan struct{}),
		byID: make(map[string]*lease), idByAddress: make(map[string]string), changed: make(chan struct{}),
	}
}

// Register adds, replaces or renews a registration, and reports whether its ID is new. A renewal
// that changes nothing only moves the end of the lease, because heartbeats are frequent.
func (l *Leases) Register(r Registration, now time.Time) (registered Registration, isNew bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	source := l.sources[len(l.sources)-1]
	if err := source.checkAddress(r.Address); err != nil {
		return r, false, fmt.Errorf("address: %w", err)
	}
	ttl, err := source.grantTTL(time.Duration(r.TTL))
	if err != nil {
		return r, false, err
	}
	fresh := &lease{r.Info, ttl, now.Add(ttl)}
	old := l.byID[r.ID]
	if old != nil && old.ttl == ttl && reflect.DeepEqual(old.info, r.Info) {
		old.ends = fresh.ends
		return old.registration(), false, nil
	}
	if err := l.hasRoomLocked(source, &fresh.info); err != nil {
		return r, false, err
	}
	l.setLocked(fresh)
	l.changedLocked()
	return fresh.registration(), old == nil, nil
}

// setLocked stores a lease. It removes the lease of another ID at the same address, because the
// newest ID is that of the service that runs there now.
func (l *Leases) setLocked(fresh *lease) {
	l.removeLocked(fresh.info.ID)
	l.removeLocked(l.idByAddress[fresh.info.Address])
	l.byID[fresh.info.ID] = fresh
	l.size += sizeOf(&fresh.info)
	l.idByAddress[fresh.info.Address] = fresh.info.ID
}

// removeLocked removes a lease and reports whether there was one.
func (l *Leases) removeLocked(id string) (was bool) {
	old := l.byID[id]
	if old == nil {
		return false
	}
	delete(l.idByAddress, old.info.Address)
	delete(l.byID, id)
	l.size -= sizeOf(&old.info)
	return true
}

// changedLocked starts a new version and wakes the goroutines that wait for one.
func (l *Leases) changedLocked() {
	l.version++
	close(l.changed)
	l.changed = make(chan struct{})
}

// Leave removes the registration of an ID, and reports whether there was one.
func (l *Leases) Leave(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.removeLocked(id)
	if was {
		l.changedLocked()
	}
	return was
}

// Find returns the registration of an ID.
func (l *Leases) Find(id string) (Registration, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if lease := l.byID[id]; lease != nil {
		return lease.registration(), true
	}
	return Registration{}, false
}

// List returns all registrations, sorted by ID.
func (l *Leases) List() []Registration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.listLocked()
}

func (l *Leases) listLocked() []Registration {
	all := make([]Registration, 0, len(l.byID))
	for _, lease := range l.byID {
		all = append(all, lease.registration())
	}
	slices.SortFunc(all, func(a, b Registration) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// stallThreshold is the minimum delay of a check that shows that the process stood still, such as
// in a suspended machine. It is also the time to read the heartbeats that queued up meanwhile.
const stallThreshold = time.Second

// expire removes the leases that ended. After a stall it extends all leases by the time in which no
// heartbeat could be read.
func (l *Leases) expire(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var grace time.Duration
	if late := now.Sub(l.next); !l.next.IsZero() && late > stallThreshold {
		grace = late + stallThreshold
	}
	before := len(l.byID)
	l.next = time.Time{}
	for id, lease := range l.byID {
		lease.ends = lease.ends.Add(grace)
		if !lease.ends.After(now) {
			l.removeLocked(id)
		} else if l.next.IsZero() || lease.ends.Before(l.next) {
			l.next = lease.ends
		}
	}
	if len(l.byID) < before {
		l.changedLocked()
	}
}
