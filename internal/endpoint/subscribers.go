package endpoint

import (
	"sync"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/recovered"
)

// subscribers build what they derive from a list after the list is published. That may take long,
// so it happens outside of the lock that a pick needs to catch up, and never on a request.
type subscribers struct {
	mu       sync.Mutex // orders notify and Subscribe
	notified *Snapshot  // the last list that the subscribers were called with
	all      map[*func(*Snapshot)]struct{}
}

// Subscribe calls subscriber with the current list, and then with each new list that is published,
// until stop is called. Of lists that follow one another faster than the subscribers return, only
// the latest counts. stop waits for calls that are under way.
//
// A policy builds its tables there, in a goroutine of the pool, which recovers a panic. Until it
// has them it picks from the list before. If nothing of that is usable, it picks from Snapshot
// without tables, after CatchUp.
func (r *Roster) Subscribe(subscriber func(*Snapshot)) (stop func()) {
	s := &r.subscribers
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = make(map[*func(*Snapshot)]struct{})
	}
	key := &subscriber
	s.all[key] = struct{}{}
	subscriber(r.Snapshot())
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.all, key)
	}
}

// notify calls the subscribers with the roster's list, unless they were called with it already.
func (s *subscribers) notify(r *Roster) {
	s.mu.Lock()
	defer s.mu.Unlock()
	latest := r.Snapshot()
	if latest == s.notified {
		return
	}
	s.notified = latest
	for subscriber := range s.all {
		if err := recovered.Do("the policy", func() { (*subscriber)(latest) }); err != nil {
			r.Logger().Error("policy does not know the new list",
				append(recovered.Fields(err), zap.String("pool", r.name))...)
		}
	}
}
