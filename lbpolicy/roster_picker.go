package lbpolicy

import (
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// NewPicker implements endpoint.Policy, for a pool that asks its policy instead of listing its
// endpoints. A request for the fallback policy has to see the whole list.
func (s *selector) NewPicker(r *endpoint.Roster, admit endpoint.Admit) endpoint.Picker {
	f := &rosterPicker{selector: s, roster: r, admit: admit}
	f.unsubscribe = r.Subscribe(f.update)
	return f
}

// following is a policy at work on a roster.
//
// A request may outlive its config, and the roster too, if a newer config has it: once stopped, pick
// sees by itself when the list has changed.
type rosterPicker struct {
	selector    *selector
	roster      *endpoint.Roster
	admit       endpoint.Admit
	unsubscribe func()
	current     atomic.Pointer[preparedList]
	stopped     atomic.Bool
}

// followed is a roster's list and what the algorithm prepared for it.
type preparedList struct {
	snapshot *endpoint.Snapshot
	bands    []band
}

// follow prepares for a list, keeping the tables of bands that are as they were.
func (f *rosterPicker) update(snapshot *endpoint.Snapshot) {
	next := &preparedList{snapshot, make([]band, len(snapshot.Bands))}
	old := f.current.Load()
	for i, b := range snapshot.Bands {
		next.bands[i].Band = b
		if old != nil && i < len(old.bands) && slices.Equal(old.bands[i].Members, b.Members) {
			next.bands[i].picker = old.bands[i].picker
		} else {
			next.bands[i].picker = f.selector.algorithm.prepare(b.Members)
		}
	}
	f.current.Store(next)
}

// Stop implements endpoint.Picker.
func (f *rosterPicker) Stop() {
	f.unsubscribe()
	f.stopped.Store(true)
}

// Pick implements endpoint.Picker.
func (f *rosterPicker) Pick(req *http.Request) (e *endpoint.Endpoint, listed bool) {
	if f.selector.fallback != nil && f.selector.deferred(req) {
		return nil, true
	}
	now := f.now()
	e = f.pickFrom(now, req)
	if e == nil && f.roster.CatchUp(now.snapshot) {
		e = f.pickFrom(f.now(), req)
	}
	return e, false
}

func (f *rosterPicker) now() *preparedList {
	if f.stopped.Load() && f.current.Load().snapshot != f.roster.Snapshot() {
		f.update(f.roster.Snapshot())
	}
	return f.current.Load()
}

func (f *rosterPicker) pickFrom(now *preparedList, req *http.Request) *endpoint.Endpoint {
	c := candidates{request: req, roster: f.roster, admit: f.admit, tries: f.selector.transport.Attempts(req), blocking: now.snapshot.Blocking, halfOpen: now.snapshot.HalfOpen}
	b, i := f.selector.choose(now.bands, f.selector.draw(now.snapshot, req), c)
	if b == nil {
		return nil
	}
	return b.Members[i].Endpoint
}
