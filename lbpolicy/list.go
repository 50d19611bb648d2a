package lbpolicy

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// view is a list of endpoints and what the algorithm prepared for it.
type view struct {
	members []endpoint.Member
	bands   []band // one

	// pools are the lists of the handler's pools that the members were found in.
	pools []*endpoint.Snapshot
}

// list joins upstreams that Caddy hands to a policy with endpoints. Those of the
// handler's pools are the pools' own (below `dynamic multi`, a pool lists them);
// for any other address the process has one.
type list struct {
	selector *selector
	weights  []int

	joined atomic.Pointer[view]

	mu      sync.Mutex // one joins at a time
	roster  *endpoint.Roster
	release func()
	closed  bool
}

// newList takes hold of what is known of upstreams at once, before the config that a reload replaces
// lets go of it.
func newList(s *selector, weights []int) list {
	roster, release := endpoint.AcquireStatic()
	return list{selector: s, weights: weights, roster: roster, release: release}
}

func (l *list) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.letGo()
}

func (l *list) letGo() {
	if l.release != nil {
		l.release()
		l.roster, l.release = nil, nil
	}
}

// find gets the view of a list, which is nearly always the one that was joined last:
// the upstreams are new values on every request, their addresses rarely are.
func (l *list) find(upstreams reverseproxy.UpstreamPool) *view {
	if v := l.joined.Load(); v != nil && l.stands(v, upstreams) {
		return v
	}
	return l.join(upstreams)
}

func (l *list) stands(v *view, upstreams reverseproxy.UpstreamPool) bool {
	if len(v.members) != len(upstreams) {
		return false
	}
	for i, u := range upstreams {
		if u.Dial != v.members[i].Address() {
			return false
		}
	}
	return slices.Equal(v.pools, l.pools())
}

func (l *list) pools() []*endpoint.Snapshot {
	if l.selector.transport == nil || len(l.selector.transport.Rosters()) == 0 {
		return nil
	}
	var snapshots []*endpoint.Snapshot
	for _, r := range l.selector.transport.Rosters() {
		snapshots = append(snapshots, r.Snapshot())
	}
	return snapshots
}

func (l *list) join(upstreams reverseproxy.UpstreamPool) *view {
	l.mu.Lock()
	defer l.mu.Unlock()
	if v := l.joined.Load(); v != nil && l.stands(v, upstreams) {
		return v
	}
	v := &view{pools: l.pools(), members: slices.Clone(l.own(upstreams))}
	for i := range v.members {
		for _, p := range v.pools {
			if m := p.Find(upstreams[i].Dial); m != nil {
				v.members[i] = *m
				break
			}
		}
	}
	v.bands = []band{{endpoint.Band{Members: v.members, Share: 1}, l.selector.algorithm.prepare(v.members)}}
	l.joined.Store(v)
	return v
}

// own keeps a roster of all the upstreams.
func (l *list) own(upstreams reverseproxy.UpstreamPool) []endpoint.Member {
	if l.roster == nil {
		l.roster, l.release = endpoint.AcquireStatic()
	}
	infos := make([]listing.Info, len(upstreams))
	for i, u := range upstreams {
		infos[i] = listing.Info{Address: u.Dial, Weight: 1}
		if len(l.weights) == len(upstreams) {
			infos[i].Weight = l.weights[i]
		}
	}
	l.roster.Replace(infos)
	members := l.roster.Snapshot().Members
	if l.closed { // a request may outlive its config, and nobody would let go after it
		l.letGo()
	}
	return members
}
