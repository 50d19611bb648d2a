package lbpolicy

import (
	"net/http"
	"slices"
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
// A request may outlive its config, while a newer config goes on using the roster. Once stopped,
// Pick checks itself whether the list has changed.
type rosterPicker struct {
	selector    *selector
	roster      *endpoint.Roster
	admit       endpoint.Admit
	unsubscribe func()
	current     atomic.Pointer[preparedSnapshot]
	stopped     atomic.Bool
}

// preparedSnapshot is a roster's list with the tables of the algorithm.
type preparedSnapshot struct {
	snapshot *endpoint.Snapshot
	bands    []band
}

// prepare builds the tables for a list. It keeps the tables of bands that have not changed.
func (p *rosterPicker) prepare(snapshot *endpoint.Snapshot) {
	next := &preparedSnapshot{snapshot, make([]band, len(snapshot.Bands))}
	old := p.current.Load()
	for i, b := range snapshot.Bands {
		next.bands[i].Band = b
		if old != nil && i < len(old.bands) && slices.Equal(old.bands[i].Members, b.Members) {
			next.bands[i].picker = old.bands[i].picker
		} else {
			next.bands[i].picker = p.selector.algorithm.prepare(b.Members)
		}
	}
	p.current.Store(next)
}

// Stop implements endpoint.Picker.
func (p *rosterPicker) Stop() {
	p.unsubscribe()
	p.stopped.Store(true)
}

// Pick implements endpoint.Picker.
func (p *rosterPicker) Pick(r *http.Request) (e *endpoint.Endpoint, listed bool) {
	if p.selector.fallback != nil && p.selector.usesFallback(r) {
		return nil, true
	}
	now := p.latest()
	e = p.pickFrom(now, r)
	if e == nil && p.roster.CatchUp(now.snapshot) {
		e = p.pickFrom(p.latest(), r)
	}
	return e, false
}

// latest returns the tables of the current list.
func (p *rosterPicker) latest() *preparedSnapshot {
	if p.stopped.Load() && p.current.Load().snapshot != p.roster.Snapshot() {
		p.prepare(p.roster.Snapshot())
	}
	return p.current.Load()
}

func (p *rosterPicker) pickFrom(from *preparedSnapshot, r *http.Request) *endpoint.Endpoint {
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
