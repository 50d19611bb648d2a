package lbpolicy

import (
	"sync"
	"sync/atomic"
	"time"
)

// tablePart is some of the sessions of a table. The caller of its methods holds the lock.
type tablePart struct {
	mu      sync.Mutex
	byKey   map[sessionKey]*tableEntry
	byToken map[string]int // the number of sessions of each endpoint that has any
	changes uint64         // so far
	all     *atomic.Int64  // the number of sessions in all parts
	once    tableList      // sessions that were seen once
	known   tableList      // sessions that were seen again
}

// tableList is sessions from the one that was seen last to the one that has been idle for the
// longest.
type tableList struct {
	newest  *tableEntry
	longest *tableEntry
	length  int
}

type tableEntry struct {
	key          sessionKey
	session      session
	seen         int64      // Unix time
	in           *tableList // nil before it is seen
	change       uint64     // the number of the one that may be reverted; 0 if there is none
	newer, older *tableEntry
}

func (e *tableEntry) isOver(ttl time.Duration, now time.Time) bool {
	return now.Sub(time.Unix(e.seen, 0)) > ttl
}

// entry finds or makes the entry of a key.
func (p *tablePart) entry(k sessionKey) (e *tableEntry, isNew bool) {
	if e = p.byKey[k]; e != nil {
		return e, false
	}
	e = &tableEntry{key: k}
	p.byKey[k] = e
	p.all.Add(1)
	return e, true
}

// see makes an entry the newest one of a list.
func (p *tablePart) see(e *tableEntry, l *tableList, now time.Time) {
	e.unlink()
	p.insert(e, l, now.Unix())
}

// insert adds an entry that is in no list.
func (p *tablePart) insert(e *tableEntry, l *tableList, seen int64) {
	e.seen, e.older, e.newer, e.in = seen, l.newest, nil, l
	if l.newest != nil {
		l.newest.newer = e
	}
	l.newest = e
	if l.longest == nil {
		l.longest = e
	}
	l.length++
}

// unlink takes an entry out of its list.
func (e *tableEntry) unlink() {
	if e.in == nil {
		return
	}
	if e.newer != nil {
		e.newer.older = e.older
	} else {
		e.in.newest = e.older
	}
	if e.older != nil {
		e.older.newer = e.newer
	} else {
		e.in.longest = e.newer
	}
	e.in.length--
	e.in = nil
}

func (p *tablePart) remove(e *tableEntry) {
	e.unlink()
	p.uncount(e)
	delete(p.byKey, e.key)
	p.all.Add(-1)
}
