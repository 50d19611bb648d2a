package lbpolicy

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// upstreamView is a list of upstreams joined with their endpoints, and the tables for it.
type upstreamView struct {
	among   *upstreamViews
	members []endpoint.Member
	bands   atomic.Pointer[[]band] // exactly one; nil until a pick needs it, as a fallback never does

	// pools are the snapshots of the handler's pools in which the members were looked up.
	pools []*endpoint.Snapshot
}

// upstreamViews joins the upstreams that Caddy passes to a policy with endpoints, and keeps the
// latest view. The upstreams of the handler's pools are the pools' own endpoints (below `dynamic
// multi`, a pool lists them). Any other address has one endpoint in the process.
type upstreamViews struct {
	selector *selector
	weights  []int

	latest atomic.Pointer[upstreamView]

	mu      sync.Mutex // orders joins
	roster  *endpoint.Roster
	release func()
	closed  bool
}

// newUpstreamViews acquires the endpoints at once, before the config that a reload replaces
// releases them.
func newUpstreamViews(s *selector, weights []int) upstreamViews {
	roster, release := endpoint.AcquireStatic()
	return upstreamViews{selector: s, weights: weights, roster: roster, release: release}
}

func (u *upstreamViews) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = true
	u.replaceLatest(nil)
	u.releaseRoster()
}

// replaceLatest makes v the latest view, and discards the tables of the one before.
func (u *upstreamViews) replaceLatest(v *upstreamView) {
	if old := u.latest.Swap(v); old != nil && old.bands.Load() != nil {
		discard(*old.bands.Load())
	}
}

func (u *upstreamViews) releaseRoster() {
	if u.release != nil {
		u.release()
		u.roster, u.release = nil, nil
	}
}

// find returns the view of a list. That is nearly always the latest one: the upstreams are new
// values on every request, but their addresses rarely change.
func (u *upstreamViews) find(upstreams reverseproxy.UpstreamPool) *upstreamView {
	if v := u.latest.Load(); v != nil && u.isCurrent(v, upstreams) {
		return v
	}
	return u.join(upstreams)
}

// isCurrent reports whether a view is that of these upstreams and of the pools as they are now.
func (u *upstreamViews) isCurrent(v *upstreamView, upstreams reverseproxy.UpstreamPool) bool {
	if len(v.members) != len(upstreams) {
		return false
	}
	for i, upstream := range upstreams {
		if upstream.Dial != v.members[i].Address() {
			return false
		}
	}
	return slices.Equal(v.pools, u.pools())
}

func (u *upstreamViews) pools() []*endpoint.Snapshot {
	if u.selector.transport == nil || len(u.selector.transport.Rosters()) == 0 {
		return nil
	}
	var snapshots []*endpoint.Snapshot
	for _, r := range u.selector.transport.Rosters() {
		snapshots = append(snapshots, r.Snapshot())
	}
	return snapshots
}

func (u *upstreamViews) join(upstreams reverseproxy.UpstreamPool) *upstreamView {
	u.mu.Lock()
	defer u.mu.Unlock()
	if v := u.latest.Load(); v != nil && u.isCurrent(v, upstreams) {
		return v
	}
	v := &upstreamView{among: u, pools: u.pools(), members: slices.Clone(u.ownMembers(upstreams))}
	for i := range v.members {
		for _, p := range v.pools {
			if m := p.Find(upstreams[i].Dial); m != nil {
				v.members[i] = *m
				break
			}
		}
	}
	endpoint.MakeComparable(v.members, v.pools)
	if !u.closed { // nothing would discard its tables
		u.replaceLatest(v)
	}
	return v
}

// prepared returns the view as a band with its tables. Requests that come while a view is replaced
// pick without tables.
func (v *upstreamView) prepared() []band {
	if bands := v.bands.Load(); bands != nil {
		return *bands
	}
	u := v.among
	u.mu.Lock()
	defer u.mu.Unlock()
	if bands := v.bands.Load(); bands != nil {
		return *bands
	}
	b := endpoint.Band{Members: v.members, Share: 1}
	if u.latest.Load() != v {
		return u.selector.prepareForNow(b)
	}
	bands := []band{{b, u.selector.algorithm.prepare(v.members)}}
	v.bands.Store(&bands)
	return bands
}

// ownMembers makes the upstreams the list of the own roster, and returns its members.
func (u *upstreamViews) ownMembers(upstreams reverseproxy.UpstreamPool) []endpoint.Member {
	if u.roster == nil {
		u.roster, u.release = endpoint.AcquireStatic()
	}
	infos := make([]listing.Info, len(upstreams))
	for i, upstream := range upstreams {
		infos[i] = listing.Info{Address: upstream.Dial, Weight: 1}
		if at := u.positionOf(i, upstream, len(upstreams)); at >= 0 {
			infos[i].Weight = u.weights[at]
		}
	}
	u.roster.Replace(infos)
	members := u.roster.Snapshot().Members
	if u.closed { // a request may outlive its config, and nothing would release the roster after it
		u.releaseRoster()
	}
	return members
}

// positionOf returns the position of the weight of upstream i of n, or -1 if it has none. A group
// of a split passes a part of the static upstreams, whose weights are those of the whole list.
func (u *upstreamViews) positionOf(i int, upstream *reverseproxy.Upstream, n int) int {
	switch {
	case len(u.weights) == n:
		return i
	case len(u.weights) == 0 || u.selector.handler == nil:
		return -1
	}
	return slices.Index(u.selector.handler.Upstreams, upstream)
}
