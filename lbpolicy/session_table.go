package lbpolicy

import (
	"cmp"
	"encoding/binary"
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
//
// Sessions that were seen once give way first, as long as they have more than an eighth of the
// room. A client that makes values up, or keeps no cookies, can therefore not drive out those of
// others that are in use.
// The idea is that of segmented LRU (Karedla, Love and Wherry, 1994).
type sessionTable struct {
	pool, carrier string   // what the table belongs to
	addresses     []string // of the static upstreams; nil for those of a pool
	inherits      sync.Once
	users         tableUsers

	seeds   [2]maphash.Seed
	limit   atomic.Int64 // of sessions
	ttl     atomic.Int64 // how long one is remembered, as a time.Duration; 0 is forever
	length  atomic.Int64 // sessions in all parts
	evicted atomic.Int64 // sessions that gave way although their time was not over
	parts   [tableParts]tablePart
}

const (
	tableParts  = 64
	shareOfNew  = 8 // of the room for sessions that were seen once
	hashesOfKey = 2 // with one of 64 bits, a guess would find a session sooner or later
)

// tableOwner is what a table belongs to: a carrier, and a pool or another list of upstreams.
type tableOwner struct {
	pool, list, carrier string
	addresses           []string // of static upstreams
}

// acquireSessionTable returns the table of an owner until release is called. It outlives a reload.
func acquireSessionTable(of tableOwner, limit int, ttl time.Duration) (t *sessionTable, release func()) {
	create := func() *sessionTable {
		t := newSessionTable(of.pool, of.carrier)
		t.addresses = of.addresses
		return t
	}
	t, end := endpoint.Keep("sessions "+of.carrier+" "+of.list, create)
	t.inherits.Do(func() { t.inherit() })
	leave := t.join(tableUser{limit, ttl})
	return t, func() {
		leave()
		end()
	}
}

func newSessionTable(pool, carrier string) *sessionTable {
	t := &sessionTable{pool: pool, carrier: carrier, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
	for i := range t.parts {
		p := &t.parts[i]
		p.byKey, p.byToken, p.all = make(map[sessionKey]*tableEntry), make(map[string]int), &t.length
	}
	return t
}

// keyOf returns the key of a text. Clients cannot find texts with equal keys, because the hash is
// seeded.
func (t *sessionTable) keyOf(text string) (k sessionKey) {
	for i := range hashesOfKey {
		binary.NativeEndian.PutUint64(k[8*i:], maphash.String(t.seeds[i], text))
	}
	return k
}

func (t *sessionTable) part(k sessionKey) *tablePart {
	return &t.parts[maphash.Bytes(t.seeds[0], k[:])%tableParts]
}

// get returns the session of a key, unless its time is over. Its time begins again if seen is true.
func (t *sessionTable) get(k sessionKey, ttl time.Duration, now time.Time, seen bool) (s session, ok bool) {
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
	if seen {
		e.change = 0 // another request relies on it
		p.see(e, &p.known, now)
	}
	return e.session, true
}

// put remembers a session, and reports whether another one had to give way before its time.
func (t *sessionTable) put(k sessionKey, s session, ttl time.Duration, now time.Time) (full bool) {
	_, full = t.begin(k, s, ttl, now)
	return full
}

// begin is put of a session that may be reverted.
func (t *sessionTable) begin(
	k sessionKey, s session, ttl time.Duration, now time.Time,
) (c changedSession, full bool) {
	p := t.part(k)
	p.mu.Lock()
	e, isNew := p.entry(k)
	if c.key = k; !isNew && !e.isOver(ttl, now) {
		c.before = e.session
	}
	p.give(e, s)
	p.changes++
	c.number, e.change = p.changes, p.changes
	p.see(e, cmp.Or(e.in, &p.once), now)
	full = t.makeRoomIn(p, e, ttl, now)
	p.mu.Unlock()
	return c, t.makeRoomElsewhere(e, ttl, now) || full
}

// add is put, unless the key has a session. A client that keeps no cookies begins one with each
// request, so these count as seen once too.
func (t *sessionTable) add(k sessionKey, s session, ttl time.Duration, now time.Time) (full bool) {
	p := t.part(k)
	p.mu.Lock()
	e, isNew := p.entry(k)
	if isNew || e.isOver(ttl, now) {
		p.give(e, s)
	}
	p.see(e, cmp.Or(e.in, &p.once), now)
	full = t.makeRoomIn(p, e, ttl, now)
	p.mu.Unlock()
	return t.makeRoomElsewhere(e, ttl, now) || full
}
