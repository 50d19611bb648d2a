package lbpolicy

import "time"

// minPartShare is the share of a part from which on its oldest sessions stand for those of the
// whole table.
const minPartShare = 16

// makeRoomIn removes from a part what is over, and what is beyond the limit as long as the part has
// more than its share, but not e. It reports whether something had to give way before its time. The
// caller holds the lock of the part.
func (t *sessionTable) makeRoomIn(p *tablePart, e *tableEntry, ttl time.Duration, now time.Time) (full bool) {
	p.removeOver(e, ttl, now)
	return t.partShare() >= minPartShare && t.evict(p, e)
}

// evict removes from a part what is beyond the limit, as long as the part has more than its share.
func (t *sessionTable) evict(p *tablePart, e *tableEntry) (full bool) {
	for t.length.Load() > t.limit.Load() {
		victim := t.victim(p, e)
		if victim == nil {
			break
		}
		p.remove(victim)
		t.evicted.Add(1)
		full = true
	}
	return full
}

// makeRoomElsewhere makes room for e in any part, if its own has no more than its share: in a small
// table, and while parts are filled unevenly, as after a change of the limit. The caller holds no
// lock.
func (t *sessionTable) makeRoomElsewhere(e *tableEntry, ttl time.Duration, now time.Time) (full bool) {
	// Another request may have taken what was found, and a part may not have enough.
	for i := 0; i < searches && t.length.Load() > t.limit.Load(); i++ {
		if t.evictOldest(e, ttl, now) {
			full = true
		}
	}
	return full
}

// searches is how often a request looks for room at most.
const searches = 4

// evictOldest makes room in the part whose session gives way first.
func (t *sessionTable) evictOldest(e *tableEntry, ttl time.Duration, now time.Time) (full bool) {
	var from *tablePart
	var isOnce bool
	var seen int64
	t.eachPart(func(p *tablePart) {
		p.removeOver(e, ttl, now)
		v := t.victim(p, e)
		if v == nil {
			return
		}
		once := v.in == &p.once
		if from == nil || once && !isOnce || once == isOnce && v.seen < seen {
			from, isOnce, seen = p, once, v.seen
		}
	})
	if from == nil {
		return false
	}
	from.mu.Lock()
	defer from.mu.Unlock()
	return t.evict(from, e)
}

// partShare is the number of sessions of a part, if all have the same.
func (t *sessionTable) partShare() int { return int(t.limit.Load()) / tableParts }

// victim returns the session of a part that gives way first, but not e; nil if there is none, or if
// the part has no more than its share. The caller holds the lock of the part.
func (t *sessionTable) victim(p *tablePart, e *tableEntry) *tableEntry {
	share := t.partShare()
	if len(p.byKey) <= share {
		return nil
	}
	victim := p.known.longest
	if p.once.length > share/shareOfNew && p.once.longest != e || victim == nil || victim == e {
		victim = p.once.longest
	}
	if victim == e {
		return nil
	}
	return victim
}

// eachPart calls f for each part, which is locked meanwhile.
func (t *sessionTable) eachPart(f func(*tablePart)) {
	for i := range t.parts {
		p := &t.parts[i]
		p.mu.Lock()
		f(p)
		p.mu.Unlock()
	}
}
