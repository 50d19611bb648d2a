package registry

import (
	"cmp"
	"errors"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// Leases are the endpoints that registered themselves in one pool.
type Leases struct {
	pool      string
	uses      int           // sources that were provisioned, under the lock of all registries
	closed    chan struct{} // when there is none any more
	restoring sync.Once
	restored  chan struct{} // closed when that is done
	saving    sync.Mutex

	mu      sync.Mutex
	byID    map[string]*lease
	holders map[string]string // the id that has an address
	sources []*Source         // that run for the pool, oldest first
	next    time.Time         // when the first lease was going to end at the last look; zero if there was none
	certain time.Time         // until then, who is not there may still come back

	version, saved int           // of the leases
	changed        chan struct{} // closed by the next change
}

// lease is an endpoint and how long it stays without another heartbeat.
type lease struct {
	info listing.Info
	ttl  time.Duration
	ends time.Time
}

func newLeases(pool string) *Leases {
	return &Leases{
		pool: pool, closed: make(chan struct{}), restored: make(chan struct{}),
		byID: make(map[string]*lease), holders: make(map[string]string), changed: make(chan struct{}),
	}
}

// ErrFull is the error of a registration for which there is no room.
var ErrFull = errors.New("the pool has its most endpoints")

// Register takes a registration in, or renews it. A renewal that changes nothing only moves
// the end of the lease: heartbeats are many.
func (l *Leases) Register(r Registration, now time.Time) (registered Registration, isNew bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	source := l.sources[len(l.sources)-1]
	ttl, err := source.grant(time.Duration(r.TTL))
	if err != nil {
		return r, false, err
	}
	fresh := &lease{r.Info, ttl, now.Add(ttl)}
	old := l.byID[r.ID]
	if old != nil && old.ttl == ttl && reflect.DeepEqual(old.info, r.Info) {
		old.ends = fresh.ends
		return old.registration(), false, nil
	}
	if old == nil && l.holders[r.Address] == "" && len(l.byID) >= source.MaxEndpoints {
		return r, false, ErrFull
	}
	l.putLocked(fresh)
	l.changedLocked()
	return fresh.registration(), old == nil, nil
}

// putLocked lets the newest id have the address: it is the one whose service runs.
func (l *Leases) putLocked(fresh *lease) {
	l.removeLocked(fresh.info.ID)
	l.removeLocked(l.holders[fresh.info.Address])
	l.byID[fresh.info.ID] = fresh
	l.holders[fresh.info.Address] = fresh.info.ID
}

func (l *Leases) removeLocked(id string) (was bool) {
	old := l.byID[id]
	if old == nil {
		return false
	}
	delete(l.holders, old.info.Address)
	delete(l.byID, id)
	return true
}

func (l *Leases) changedLocked() {
	l.version++
	close(l.changed)
	l.changed = make(chan struct{})
}

// Leave ends the registration under an id, if there is one.
func (l *Leases) Leave(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.removeLocked(id)
	if was {
		l.changedLocked()
	}
	return was
}

// Find is the registration under an id.
func (l *Leases) Find(id string) (Registration, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if held := l.byID[id]; held != nil {
		return held.registration(), true
	}
	return Registration{}, false
}

// List is all registrations in the order of their ids.
func (l *Leases) List() []Registration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.listLocked()
}

func (l *Leases) listLocked() []Registration {
	all := make([]Registration, 0, len(l.byID))
	for _, held := range l.byID {
		all = append(all, held.registration())
	}
	slices.SortFunc(all, func(a, b Registration) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// stall is how late a look must be to show that the process stood still, and how much time there is
// then to read the heartbeats that wait.
const stallThreshold = time.Second

// expire ends the leases whose time is up.
func (l *Leases) expire(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var grace time.Duration
	if late := now.Sub(l.next); !l.next.IsZero() && late > stallThreshold {
		grace = late + stallThreshold
	}
	before := len(l.byID)
	l.next = time.Time{}
	for id, held := range l.byID {
		held.ends = held.ends.Add(grace)
		if !held.ends.After(now) {
			l.removeLocked(id)
		} else if l.next.IsZero() || held.ends.Before(l.next) {
			l.next = held.ends
		}
	}
	if len(l.byID) < before {
		l.changedLocked()
	}
}
