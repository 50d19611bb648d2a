package layer4

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// roleLost are the conditions that close connections.
const roleLost = endpoint.ProbeFailed | endpoint.OperatorDown

// openConnections are the connections of the process that close when their endpoint loses its role.
// They outlive the config that they began with, and the handler of a newer one closes them.
var openConnections connections

// connections are connections by their endpoints.
type connections struct{ byEndpoint sync.Map }

// connectionSet is the connections to one endpoint.
type connectionSet struct {
	mu      sync.Mutex
	open    map[*relay]struct{}
	removed bool        // it was empty
	pool    string      // the name of the pool that the endpoint is of
	lost    time.Time   // zero while the endpoint has its role
	timer   *time.Timer // looks again once the grace is over
}

// add adds a connection until remove is called.
func (c *connections) add(r *relay, pool string) (set *connectionSet, remove func()) {
	e := r.stream.Endpoint()
	for {
		stored, _ := c.byEndpoint.LoadOrStore(e, &connectionSet{open: make(map[*relay]struct{}), pool: pool})
		set = stored.(*connectionSet)
		if set.add(r) {
			return set, func() {
				if set.remove(r) {
					c.byEndpoint.CompareAndDelete(e, set)
				}
			}
		}
	}
}

func (s *connectionSet) add(r *relay) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.removed {
		s.open[r] = struct{}{}
	}
	return !s.removed
}

func (s *connectionSet) remove(r *relay) (empty bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, r)
	s.removed = len(s.open) == 0
	return s.removed
}

// roleWatch closes connections to endpoints of a roster that lose their role and do not get it back
// within the grace.
type roleWatch struct {
	roster      *endpoint.Roster
	grace       time.Duration
	stopped     chan struct{}
	hasList     atomic.Bool // the list has not been empty all the time
	unsubscribe func()
}

func newRoleWatch(r *endpoint.Roster, grace time.Duration) *roleWatch {
	w := &roleWatch{roster: r, grace: grace, stopped: make(chan struct{})}
	w.unsubscribe = r.Subscribe(func(list *endpoint.Snapshot) {
		openConnections.byEndpoint.Range(func(e, set any) bool {
			w.review(e.(*endpoint.Endpoint), set.(*connectionSet), list)
			return true
		})
	})
	return w
}

func (w *roleWatch) stop() {
	close(w.stopped)
	w.unsubscribe()
}

// follow follows the role of a connection's endpoint until the connection has ended.
func (w *roleWatch) follow(r *relay) (end func()) {
	set, remove := openConnections.add(r, w.roster.Name())
	w.review(r.stream.Endpoint(), set, w.roster.Snapshot()) // it may have been lost since the pick
	return remove
}

// review closes the connections to an endpoint that has no role, or does so after the grace. An
// endpoint that is not in the list has none, because it is not checked any more.
func (w *roleWatch) review(e *endpoint.Endpoint, set *connectionSet, list *endpoint.Snapshot) {
	m := list.Find(e.Address())
	isListed := m != nil && m.Endpoint == e
	if len(list.Members) > 0 {
		w.hasList.Store(true)
	}
	if !isListed && (set.pool != w.roster.Name() || !w.hasList.Load()) {
		return // it is of another pool, or no source of a new definition has answered yet
	}
	set.mu.Lock()
	defer set.mu.Unlock()
	if set.timer != nil {
		set.timer.Stop()
	}
	if isListed && !e.Is(roleLost&list.Blocking) {
		set.lost = time.Time{}
		return
	}
	if set.lost.IsZero() {
		set.lost = time.Now()
	}
	left := w.grace - time.Since(set.lost)
	if left <= 0 {
		for open := range set.open {
			go open.abort() // which may wait for the peer of a TLS connection
		}
		return
	}
	set.timer = time.AfterFunc(left, func() {
		select {
		case <-w.stopped: // the next config has its own
		default:
			w.review(e, set, w.roster.Snapshot())
		}
	})
}
