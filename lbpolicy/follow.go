package lbpolicy

import (
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// admission is a pool's own say in who may get a request, and in the limit of requests there.
type admission = func(*endpoint.Member) (ok bool, limit int)

// Follow makes the policy pick from a roster, for a pool that asks its policy instead
// of listing its endpoints. What pick returns has a place reserved for the request;
// it is nil if no endpoint is usable, or if the request is for the fallback, which
// must see the whole list.
func (s *selector) Follow(r *endpoint.Roster, admit admission) (pick func(*http.Request) (e *endpoint.Endpoint, listed bool), stop func()) {
	f := &following{selector: s, roster: r, admit: admit}
	unfollow := r.Follow(f.follow)
	return f.pick, func() {
		unfollow()
		f.stopped.Store(true)
	}
}

// following is a policy at work on a roster.
//
// A request may outlive its config, and the roster too, if a newer config has it: once stopped, pick
// sees by itself when the list has changed.
type following struct {
	selector *selector
	roster   *endpoint.Roster
	admit    admission
	current  atomic.Pointer[followed]
	stopped  atomic.Bool
}

// followed is a roster's list and what the algorithm prepared for it.
type followed struct {
	snapshot *endpoint.Snapshot
	bands    []band
}

// follow prepares for a list, keeping the tables of bands that are as they were.
func (f *following) follow(snapshot *endpoint.Snapshot) {
	next := &followed{snapshot, make([]band, len(snapshot.Bands))}
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

func (f *following) pick(req *http.Request) (e *endpoint.Endpoint, listed bool) {
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

func (f *following) now() *followed {
	if f.stopped.Load() && f.current.Load().snapshot != f.roster.Snapshot() {
		f.follow(f.roster.Snapshot())
	}
	return f.current.Load()
}

func (f *following) pickFrom(now *followed, req *http.Request) *endpoint.Endpoint {
	c := candidates{request: req, roster: f.roster, admit: f.admit, tries: f.selector.transport.Tries(req), blocking: now.snapshot.Blocking, halfOpen: now.snapshot.HalfOpen}
	b, i := f.selector.choose(now.bands, f.selector.draw(now.snapshot, req), c)
	if b == nil {
		return nil
	}
	return b.Members[i].Endpoint
}
