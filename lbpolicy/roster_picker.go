package lbpolicy

import (
	"net/http"
	"sync/atomic"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// NewPicker implements endpoint.Policy, for a pool that lets its policy pick instead of listing its
// endpoints. A request for the fallback policy needs the list.
func (s *selector) NewPicker(r *endpoint.Roster, admit endpoint.Admit) endpoint.Picker {
	p := &rosterPicker{selector: s, roster: r, admit: admit}
	p.unsubscribe = r.Subscribe(p.prepare)
	s.picker = p
	return p
}

// rosterPicker picks from the lists of a roster by a policy.
//
// Its tables are built when a list has been published, while it still picks from the list before.
// If nothing of that is usable, it goes on without tables at once. The same holds once it is
// stopped: a request may outlive its config, while a newer config goes on using the roster.
type rosterPicker struct {
	selector    *selector
	roster      *endpoint.Roster
	admit       endpoint.Admit
	unsubscribe func()
	prepared    []band                           // with tables; only the subscription uses it
	current     atomic.Pointer[preparedSnapshot] // what requests pick from
	stopped     atomic.Bool
}

// preparedSnapshot is a roster's list with the pickers of the algorithm.
type preparedSnapshot struct {
	snapshot *endpoint.Snapshot
	bands    []band
}

// prepare builds the tables for a list. It keeps the tables of bands that have not changed.
func (p *rosterPicker) prepare(snapshot *endpoint.Snapshot) {
	next := make([]band, len(snapshot.Bands))
	var outdated []band
	for i, old := range p.prepared {
		if i < len(next) && sameNodes(old.Members, snapshot.Bands[i].Members) {
			next[i].picker = old.picker
		} else {
			outdated = append(outdated, old)
		}
	}
	for i, b := range snapshot.Bands {
		next[i].Band = b
		if next[i].picker == nil {
			next[i].picker = p.selector.algorithm.prepare(b.Members)
			if w, ok := next[i].picker.(warmer); ok {
				w.warm()
			}
		}
	}
	p.prepared = next
	p.current.Store(&preparedSnapshot{snapshot, next})
	discard(outdated)
}

// Stop implements endpoint.Picker.
func (p *rosterPicker) Stop() {
	p.unsubscribe()
	p.stopped.Store(true)
	p.current.Store(&preparedSnapshot{})
	discard(p.prepared)
	p.prepared = nil
}

// Pick implements endpoint.Picker.
func (p *rosterPicker) Pick(r *http.Request) (e *endpoint.Endpoint, listed bool) {
	if p.selector.fallback != nil && p.selector.usesFallback(r) {
		return nil, true
	}
	now := p.current.Load()
	if p.stopped.Load() && now.snapshot != p.roster.Snapshot() {
		now = p.prepareForNow(now)
	}
	e = p.pickFrom(now, r)
	if e == nil && p.roster.CatchUp(now.snapshot) {
		e = p.pickFrom(p.prepareForNow(now), r)
	}
	return e, false
}

// prepareForNow returns the current list without tables. Other picks use it too, unless the list
// with its tables has come meanwhile.
func (p *rosterPicker) prepareForNow(seen *preparedSnapshot) *preparedSnapshot {
	s := p.roster.Snapshot()
	next := &preparedSnapshot{s, p.selector.prepareForNow(s.Bands...)}
	p.current.CompareAndSwap(seen, next)
	return next
}

func (p *rosterPicker) pickFrom(from *preparedSnapshot, r *http.Request) *endpoint.Endpoint {
	if from.snapshot == nil {
		return nil // the picker was stopped a moment ago
	}
	c := candidates{
		request:  r,
		roster:   p.roster,
		admit:    p.admit,
		attempts: p.selector.transport.Attempts(r),
		blocking: from.snapshot.Blocking,
		halfOpen: from.snapshot.HalfOpen,
	}
	b, i := p.selector.pick(from.bands, p.selector.drawBand(from.snapshot, r), c)
	if b == nil {
		return nil
	}
	return b.Members[i].Endpoint
}
