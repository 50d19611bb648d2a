package lbpolicy

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// sessionKey is what a session is found by: an address, or a hash.
type sessionKey [16]byte

// sessionTable remembers sessions for a time, in bounded memory. When it is full, the session that
// was idle for the longest gives way. It is split, so that requests hardly wait for one another.
type sessionTable struct {
	seed    maphash.Seed
	limit   atomic.Int64 // of sessions
	evicted atomic.Int64 // sessions that gave way although their time was not over
	parts   [tableParts]tablePart
}

const tableParts = 64

// tablePart is some of the sessions, as a list from the one that was seen last to the one that has
// been idle for the longest.
type tablePart struct {
	mu      sync.Mutex
	byKey   map[sessionKey]*tableEntry
	newest  *tableEntry
	longest *tableEntry
}

type tableEntry struct {
	key          sessionKey
	session      session
	seen         int64 // Unix time
	newer, older *tableEntry
}

func newSessionTable() *sessionTable {
	t := &sessionTable{seed: maphash.MakeSeed()}
	for i := range t.parts {
		t.parts[i].byKey = make(map[sessionKey]*tableEntry)
	}
	return t
}

// acquireSessionTable returns the table of a name until release is called. It outlives a reload.
func acquireSessionTable(name string, limit int) (t *sessionTable, release func()) {
	t, release = endpoint.Keep("sessions "+name, newSessionTable)
	t.limit.Store(int64(limit))
	return t, release
}

func (t *sessionTable) part(k sessionKey) *tablePart {
	return &t.parts[maphash.Bytes(t.seed, k[:])%tableParts]
}

// get returns the session of a key, unless its time is over. It counts as seen.
func (t *sessionTable) get(k sessionKey, ttl time.Duration, now time.Time) (s session, ok bool) {
	p := t.part(k)
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.byKey[k]
	if e == nil {
		return s, false
	}
	if e.isOver(ttl, now) {
		p.remove(e)
		return s, false
	}
	p.unlink(e)
	p.push(e, now)
	return e.session, true
}

// put remembers a session, and reports whether another one had to give way before its time.
func (t *sessionTable) put(k sessionKey, s session, ttl time.Duration, now time.Time) (full bool) {
	p := t.part(k)
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.byKey[k]
	if e == nil {
		e = &tableEntry{key: k}
		p.byKey[k] = e
	} else {
		p.unlink(e)
	}
	e.session = s
	p.push(e, now)
	limit := max(1, int(t.limit.Load())/tableParts)
	for p.longest != e && (len(p.byKey) > limit || p.longest.isOver(ttl, now)) {
		if !p.longest.isOver(ttl, now) {
			t.evicted.Add(1)
			full = true
		}
		p.remove(p.longest)
	}
	return full
}

// size returns the number of sessions. Some of them may be over.
func (t *sessionTable) size() (n int) {
	for i := range t.parts {
		p := &t.parts[i]
		p.mu.Lock()
		n += len(p.byKey)
		p.mu.Unlock()
	}
	return n
}

func (e *tableEntry) isOver(ttl time.Duration, now time.Time) bool {
	return now.Sub(time.Unix(e.seen, 0)) > ttl
}

// The caller of these holds the lock.

func (p *tablePart) push(e *tableEntry, now time.Time) {
	e.seen, e.older, e.newer = now.Unix(), p.newest, nil
	if p.newest != nil {
		p.newest.newer = e
	}
	p.newest = e
	if p.longest == nil {
		p.longest = e
	}
}

func (p *tablePart) unlink(e *tableEntry) {
	if e.newer != nil {
		e.newer.older = e.older
	} else {
		p.newest = e.older
	}
	if e.older != nil {
		e.older.newer = e.newer
	} else {
		p.longest = e.newer
	}
}

func (p *tablePart) remove(e *tableEntry) {
	p.unlink(e)
	delete(p.byKey, e.key)
}
