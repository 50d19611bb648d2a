// Package role ends what runs at an endpoint that may not serve any more: one that does not pass
// its checks, such as those of a database's primary, or that an operator has declared down.
package role

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// lost are the conditions that end what runs.
const lost = endpoint.ProbeFailed | endpoint.OperatorDown

// Running is what runs at an endpoint: a request or a connection.
type Running interface {
	comparable

	// Endpoint returns the endpoint at which it runs.
	Endpoint() *endpoint.Endpoint

	// Abort ends it. It may be called at any time, also more than once.
	Abort()
}

// All is what runs in the process. It outlives the config that it began with, and the watch of a
// newer one ends it. The zero value is empty.
type All[R Running] struct{ byEndpoint sync.Map }

// set is what runs at one endpoint.
type set[R Running] struct {
	mu      sync.Mutex
	running map[R]struct{}
	removed bool        // it was empty
	lost    time.Time   // zero while the endpoint has its role
	timer   *time.Timer // looks again once the grace is over
}

// add adds r until remove is called.
func (a *All[R]) add(r R) (s *set[R], remove func()) {
	e := r.Endpoint()
	for {
		stored, _ := a.byEndpoint.LoadOrStore(e, &set[R]{running: make(map[R]struct{})})
		s = stored.(*set[R])
		if s.add(r) {
			return s, func() {
				if s.remove(r) {
					a.byEndpoint.CompareAndDelete(e, s)
				}
			}
		}
	}
}

func (s *set[R]) add(r R) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.removed {
		s.running[r] = struct{}{}
	}
	return !s.removed
}

func (s *set[R]) remove(r R) (empty bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, r)
	s.removed = len(s.running) == 0
	return s.removed
}

// Watch ends what runs at endpoints of a roster that lose their role and do not get it back within
// the grace.
type Watch[R Running] struct {
	all         *All[R]
	roster      *endpoint.Roster
	grace       time.Duration
	absent      Absent
	hasList     atomic.Bool // the list has not been empty all the time
	stopped     chan struct{}
	unsubscribe func()
}

// Absent says what becomes of what runs at an endpoint that has left the list. Nothing checks such
// an endpoint any more.
type Absent bool

// Whether the absence of an endpoint is the loss of its role.
const (
	AbsentKeeps Absent = false
	AbsentLoses Absent = true
)

// NewWatch watches until Stop.
func NewWatch[R Running](all *All[R], r *endpoint.Roster, grace time.Duration, absent Absent) *Watch[R] {
	w := &Watch[R]{all: all, roster: r, grace: grace, absent: absent, stopped: make(chan struct{})}
	w.unsubscribe = r.Subscribe(func(list *endpoint.Snapshot) {
		all.byEndpoint.Range(func(e, s any) bool {
			w.review(e.(*endpoint.Endpoint), s.(*set[R]), list)
			return true
		})
	})
	return w
}

// Stop ends the watch.
func (w *Watch[R]) Stop() {
	close(w.stopped)
	w.unsubscribe()
}

// Watches reports whether an endpoint belongs to the watched pool.
func (w *Watch[R]) Watches(e *endpoint.Endpoint) bool { return e.IsOf(w.roster) }

// Follow follows the role of the endpoint of r until end is called.
func (w *Watch[R]) Follow(r R) (end func()) {
	s, remove := w.all.add(r)
	w.review(r.Endpoint(), s, w.roster.Snapshot()) // it may have been lost since the pick
	return remove
}

// losesAbsent reports whether an endpoint that is not in the list has no role. It has one if it is
// of another pool, or if no source of a new definition has answered yet.
func (w *Watch[R]) losesAbsent(e *endpoint.Endpoint) bool {
	return w.absent == AbsentLoses && w.Watches(e) && w.hasList.Load()
}

// review ends what runs at an endpoint that has no role, or does so after the grace.
func (w *Watch[R]) review(e *endpoint.Endpoint, s *set[R], list *endpoint.Snapshot) {
	if len(list.Members) > 0 {
		w.hasList.Store(true)
	}
	m := list.Find(e.Address())
	isListed := m != nil && m.Endpoint == e
	if !isListed && !w.losesAbsent(e) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if isListed && !e.Is(lost&list.Blocking) {
		if s.timer != nil {
			s.timer.Stop()
		}
		s.lost = time.Time{}
		return
	}
	if s.lost.IsZero() {
		s.lost = time.Now()
	}
	left := w.grace - time.Since(s.lost)
	if left <= 0 {
		for r := range s.running {
			go r.Abort() // which may wait for the peer of a TLS connection
		}
		return
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	s.timer = time.AfterFunc(left, func() {
		select {
		case <-w.stopped: // the next config has its own
		default:
			w.review(e, s, w.roster.Snapshot())
		}
	})
}
