package lbpolicy

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// large is enough endpoints for a table.
const large = 40

// sharedHashTables returns what pickers that hash share at the moment.
func sharedHashTables() (all []*rendezvous) {
	hashTables.mu.Lock()
	defer hashTables.mu.Unlock()
	for _, tables := range hashTables.byNodes {
		for _, t := range tables {
			all = append(all, t.table.rendezvous)
		}
	}
	return all
}

func wantShared(t *testing.T, want int) {
	t.Helper()
	if got := len(sharedHashTables()); got != want {
		t.Errorf("%d tables are shared, want %d", got, want)
	}
}

// busy makes the next pick of each list start to build its table, and makes that pick.
func busy(t *testing.T, pickers ...endpoint.Picker) {
	t.Helper()
	for _, z := range sharedHashTables() {
		z.computed.CompareAndSwap(0, computedBefore-1)
	}
	for _, p := range pickers {
		pickFor(t, p, "/")
	}
}

// pickFor picks once for a path, and returns the address.
func pickFor(t *testing.T, p endpoint.Picker, path string) string {
	t.Helper()
	r, end := request(t, path)
	defer end()
	e, _ := p.Pick(r)
	if e == nil {
		t.Fatal("nothing is usable")
	}
	defer waitFor(t, func() bool { return e.InFlight() == 0 })
	end()
	return e.Address()
}

func staticRoster(t *testing.T, infos []listing.Info) *endpoint.Roster {
	roster, release := endpoint.AcquireStatic()
	t.Cleanup(release)
	roster.Replace(infos)
	return roster
}

func cachesOfWeight1(t *testing.T, n int) []listing.Info {
	return cachesOf(t, slices.Repeat([]int{1}, n)...)
}

func TestAllReverseProxiesShareOneTable(t *testing.T) {
	wantShared(t, 0)
	infos := cachesOfWeight1(t, large)
	rosters := []*endpoint.Roster{staticRoster(t, infos), staticRoster(t, slices.Clone(infos))}
	var pickers []endpoint.Picker
	for i := range 20 {
		pickers = append(pickers, newHost(t, "bounded_load_hash", "").policy.NewPicker(rosters[i%2], nil))
	}
	wantShared(t, 1)
	table := sharedHashTables()[0]
	busy(t, pickers...)
	waitFor(t, func() bool { return table.table.Load() != nil })

	infos = slices.Clone(infos)
	infos[3].Address = t.Name() + "-replaced:80"
	rosters[0].Replace(infos)
	wantShared(t, 2) // one for each list
	rosters[1].Replace(slices.Clone(infos))
	wantShared(t, 1)
	if table.table.Load() != nil {
		t.Error("the old list keeps its table")
	}
	for i, p := range pickers {
		wantShared(t, 1)
		if p.Stop(); i < len(pickers)-1 {
			pickFor(t, p, "/") // a request of the old config
		}
	}
	wantShared(t, 0)
}

func TestAChangeOfMetadataKeepsTheTable(t *testing.T) {
	infos := cachesOfWeight1(t, large)
	roster := staticRoster(t, infos)
	p := newHost(t, "bounded_load_hash", "").policy.NewPicker(roster, nil)
	defer p.Stop()
	busy(t, p)
	before := sharedHashTables()
	for range 2 {
		infos = slices.Clone(infos)
		infos[7].Metadata = map[string]string{"version": fmt.Sprint(len(infos[7].Metadata))}
		infos[8].MaxRequests++
		roster.Replace(infos)
		if after := sharedHashTables(); !slices.Equal(before, after) {
			t.Error("the table is another one")
		}
	}
}

func TestAStoppedPickerHoldsNoTableAndKeepsTheOwners(t *testing.T) {
	roster := staticRoster(t, cachesOfWeight1(t, large))
	p := newHost(t, "bounded_load_hash", "").policy.NewPicker(roster, nil)
	busy(t, p)
	z := sharedHashTables()[0]
	waitFor(t, func() bool { return z.table.Load() != nil })
	var before, after [100]string
	for i := range before {
		before[i] = pickFor(t, p, fmt.Sprint("/", i))
	}
	p.Stop()
	for i := range after {
		after[i] = pickFor(t, p, fmt.Sprint("/", i))
	}
	if before != after {
		t.Error("keys have moved")
	}
	if wantShared(t, 0); z.table.Load() != nil {
		t.Error("the table is still there")
	}
	roster.Replace(cachesOfWeight1(t, 1))
	if got := pickFor(t, p, "/"); got != roster.Snapshot().Members[0].Address() {
		t.Errorf("picked %s, which has left the list", got)
	}
}

func TestALargePoolHasItsTableFromTheFirstPickOn(t *testing.T) {
	for n, want := range map[int]bool{warmFrom - 1: false, warmFrom: true} {
		p := newHost(t, "bounded_load_hash", "").policy.NewPicker(staticRoster(t, cachesOfWeight1(t, n)), nil)
		if got := sharedHashTables()[0].table.Load() != nil; got != want {
			t.Errorf("%d endpoints have a table: %t", n, got)
		}
		p.Stop()
	}
}

func TestAFallbackPreparesNoTables(t *testing.T) {
	h := newHost(t, "bounded_load_hash", "")
	p := h.policy.(*BoundedLoadHash)
	p.setFallback(new(reverseproxy.RoundRobinSelection), func(*http.Request) bool { return true })
	for n := range 5 {
		var upstreams reverseproxy.UpstreamPool
		for _, info := range cachesOfWeight1(t, large+n) { // the list varies
			upstreams = append(upstreams, &reverseproxy.Upstream{Dial: info.Address, Host: new(reverseproxy.Host)})
		}
		r, end := request(t, "/")
		if p.Select(upstreams, r, nil) == nil {
			t.Error("nothing is selected")
		}
		wantShared(t, 0)
		end()
	}
}

func TestUpstreamsOfAnUnloadedConfigHoldNoTable(t *testing.T) {
	h := newHost(t, "bounded_load_hash", "a:1 b:1 c:1")
	select1 := func() {
		r, end := request(t, "/")
		defer end()
		if h.selectFor(r) == "" {
			t.Error("nothing is selected")
		}
	}
	select1()
	wantShared(t, 1)
	selectorOf(h.policy).Cleanup()
	wantShared(t, 0)
	select1() // a request that has outlived its config
	wantShared(t, 0)
}
