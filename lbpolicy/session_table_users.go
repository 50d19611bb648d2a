package lbpolicy

import (
	"slices"
	"sync"
	"time"
)

// tableUser is what the settings of one policy want of a table.
type tableUser struct {
	limit int           // of sessions
	ttl   time.Duration // how long one is remembered
}

// tableUsers are the policies that use a table now: those of several handlers, and during a reload
// those of two configs.
type tableUsers struct {
	mu  sync.Mutex
	all []*tableUser
}

// join makes a policy use the table until leave is called. The largest limit and the longest time
// hold for all, because a policy with less would otherwise end the sessions of the others.
func (t *sessionTable) join(u tableUser) (leave func()) {
	t.users.mu.Lock()
	defer t.users.mu.Unlock()
	t.users.all = append(t.users.all, &u)
	t.bound()
	return func() { t.leave(&u) }
}

func (t *sessionTable) leave(u *tableUser) {
	t.users.mu.Lock()
	defer t.users.mu.Unlock()
	t.users.all = slices.DeleteFunc(t.users.all, func(other *tableUser) bool { return other == u })
	t.bound()
}

// bound sets what the users want. The caller holds their lock.
func (t *sessionTable) bound() {
	if len(t.users.all) == 0 {
		return // the table ends
	}
	var most tableUser
	for _, u := range t.users.all {
		most.limit, most.ttl = max(most.limit, u.limit), max(most.ttl, u.ttl)
	}
	t.limit.Store(int64(most.limit))
	t.ttl.Store(int64(most.ttl))
}

// lifetime returns how long a session is remembered after its last request.
func (t *sessionTable) lifetime() time.Duration { return time.Duration(t.ttl.Load()) }
