package lbpolicy

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// caches is a pool of endpoints with a bounded_load_hash of the path.
type caches struct {
	*host
	roster *endpoint.Roster
	pick   func(*http.Request) (*endpoint.Endpoint, bool)
	weight float64
}

func newCaches(t *testing.T, infos ...listing.Info) *caches {
	c := &caches{host: newHost(t, "bounded_load_hash", "")}
	roster, release := endpoint.AcquireStatic()
	t.Cleanup(release)
	c.roster = roster
	c.replace(infos...)
	picker := c.policy.NewPicker(roster, nil)
	t.Cleanup(picker.Stop)
	c.pick = picker.Pick
	return c
}

func (c *caches) replace(infos ...listing.Info) {
	c.weight = 0
	for _, i := range infos {
		c.weight += float64(i.Weight)
	}
	c.roster.Replace(slices.Clone(infos)) // Replace keeps the slice
}

func (c *caches) setKey(key string) {
	p := selectorOf(c.policy).algorithm.(*BoundedLoadHash)
	p.Key, p.placeholder = key, onlyPlaceholder(key)
}

// cachesOf returns endpoints with addresses of this test only, so that other tests do not count
// there.
func cachesOf(t *testing.T, weights ...int) []listing.Info {
	infos := make([]listing.Info, len(weights))
	for i, w := range weights {
		infos[i] = listing.Info{Address: fmt.Sprintf("%s-%d:80", t.Name(), i), Weight: w}
	}
	return infos
}

// bound returns the maximum number in flight at a member when total are in flight at all.
func (c *caches) bound(m *endpoint.Member, total int) int {
	return int(math.Ceil(defaultLoadFactor * float64(m.Weight) / c.weight * float64(total)))
}

func TestTheBoundHoldsAtEveryPick(t *testing.T) {
	c := newCaches(t, cachesOf(t, 1, 2, 3, 4, 10)...)
	random := rand.New(rand.NewPCG(3, 3))
	zipf := rand.NewZipf(random, 1.2, 1, 1000)
	var open []func()
	for range 4000 {
		if len(open) > 0 && random.IntN(100) < 45 {
			i := random.IntN(len(open))
			before := c.total()
			open[i]()
			waitFor(t, func() bool { return c.total() == before-1 })
			open[i] = open[len(open)-1]
			open = open[:len(open)-1]
			continue
		}
		r, end := request(t, fmt.Sprint("/", zipf.Uint64()))
		e, _ := c.pick(r)
		open = append(open, end)
		m := c.roster.Snapshot().Find(e.Address())
		if n, limit := e.InFlight(), c.bound(m, c.total()); n > limit {
			t.Fatalf("%d of %d in flight at weight %d of %v; the bound is %d", n, c.total(), m.Weight, c.weight, limit)
		}
	}
	for _, end := range open {
		end()
	}
}

// A retry may not go to the endpoint that it tried. Others may, so its weight still counts.
func TestTheBoundHoldsAfterARetry(t *testing.T) {
	infos := cachesOf(t, 1, 1, 1, 1)
	c := newCaches(t, infos...)
	c.setKey("one hot key")
	r, end := request(t, "/")
	defer end()
	c.pick(r)
	c.replace(slices.Concat(infos, cachesOf(t, 1, 1, 1, 1, 1)[4:])...) // a new list, whose first pick is the retry
	c.pick(r)
	for range 100 {
		r, end := request(t, "/")
		defer end()
		e, _ := c.pick(r)
		if n, limit := e.InFlight(), c.bound(c.roster.Snapshot().Find(e.Address()), c.total()); n > limit {
			t.Fatalf("%d of %d in flight at one of %v; the bound is %d", n, c.total(), c.weight, limit)
		}
	}
}

func (c *caches) total() (n int) {
	for _, m := range c.roster.Snapshot().Members {
		n += m.InFlight()
	}
	return n
}

func TestTheBoundHoldsWhenManyPickAtOnce(t *testing.T) {
	c := newCaches(t, cachesOf(t, 1, 1, 1, 1, 1, 1, 1)...)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				r, _ := request(t, "/hot")
				c.pick(r)
			}
		})
	}
	wg.Wait()
	for _, m := range c.roster.Snapshot().Members {
		if limit := c.bound(&m, 4000); m.InFlight() > limit {
			t.Errorf("%s has %d of 4000 in flight; the bound is %d", m.Address(), m.InFlight(), limit)
		}
	}
}

// Some requests retry. If all did, the endpoint of the hot key would be left idle, and what the
// others may have would not suffice for all. While a retry is picked, the request counts at both
// endpoints.
func TestTheBoundHoldsWhenManyRetryAtOnce(t *testing.T) {
	const goroutines, requests = 8, 300
	c := newCaches(t, cachesOf(t, 1, 1, 1, 1)...)
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for i := range requests {
				r, _ := request(t, "/hot")
				if c.pick(r); i%4 == 0 {
					c.pick(r)
				}
			}
		})
	}
	wg.Wait()
	for _, m := range c.roster.Snapshot().Members {
		if limit := c.bound(&m, goroutines*(requests+1)); m.InFlight() > limit {
			t.Errorf("%s has %d of %d in flight; the bound is %d", m.Address(), m.InFlight(), c.total(), limit)
		}
	}
}

// owners returns the name of the endpoint of each of 500 keys.
func (c *caches) owners(t *testing.T) []string {
	owners := make([]string, 500)
	for i := range owners {
		r, end := request(t, fmt.Sprint("/", i))
		e, _ := c.pick(r)
		owners[i] = c.roster.Snapshot().Find(e.Address()).Info.Key()
		end()
		waitFor(t, func() bool { return e.InFlight() == 0 })
	}
	return owners
}

// moved counts the keys with another owner, by whether they were owned by from.
func moved(before, after []string, from string) (own, others int) {
	for i := range before {
		switch {
		case before[i] == after[i]:
		case before[i] == from:
			own++
		default:
			others++
		}
	}
	return own, others
}

func TestAFlapMovesNothingOnceItIsOver(t *testing.T) {
	infos := cachesOf(t, 1, 1, 1, 1)
	c := newCaches(t, infos...)
	before := c.owners(t)
	infos[2].Draining = true
	c.replace(infos...)
	during := c.owners(t)
	if own, others := moved(before, during, infos[2].Address); own == 0 || others > 0 {
		t.Errorf("while one endpoint drains, %d of its keys and %d of others moved", own, others)
	}
	infos[2].Draining = false
	c.replace(infos...)
	if own, others := moved(before, c.owners(t), infos[2].Address); own+others > 0 {
		t.Errorf("after it came back, %d keys are elsewhere", own+others)
	}
}

func TestAnEndpointWithAnIDKeepsItsKeysAtAnotherAddress(t *testing.T) {
	infos := cachesOf(t, 1, 1, 1)
	for i := range infos {
		infos[i].ID = fmt.Sprint("cache-", i)
	}
	c := newCaches(t, infos...)
	before := c.owners(t)
	infos[1].Address = t.Name() + "-elsewhere:80"
	c.replace(infos...)
	if own, others := moved(before, c.owners(t), ""); own+others > 0 {
		t.Errorf("%d keys moved", own+others)
	}
}

func TestARequestWithoutAKeyGoesAnywhere(t *testing.T) {
	c := newCaches(t, cachesOf(t, 1, 1, 1)...)
	c.setKey("{http.request.header.X-User}")
	seen := map[string]bool{}
	for range 100 {
		r, end := request(t, "/")
		e, _ := c.pick(r)
		seen[e.Address()] = true
		end()
	}
	if len(seen) != 3 {
		t.Errorf("100 requests without a key went to %d of 3 endpoints", len(seen))
	}
}

func TestASearchForAnEndpointWithRoomAllocatesNothing(t *testing.T) {
	for _, n := range []int{10, 100} {
		c := newCaches(t, cachesOf(t, slices.Repeat([]int{1}, n)...)...)
		c.setKey("one hot key")
		// So many requests have the key that the search has to look at all endpoints.
		for range 3 * n {
			r, end := request(t, "/")
			defer end()
			c.pick(r)
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r = r.WithContext(context.WithValue(r.Context(), caddy.ReplacerCtxKey, caddyhttp.NewTestReplacer(r)))
		if allocs := testing.AllocsPerRun(100, func() { c.pick(r) }); allocs != 0 {
			t.Errorf("%v allocations among %d endpoints", allocs, n)
		}
	}
}

func TestAKeyOfOnePlaceholderIsRecognized(t *testing.T) {
	for key, want := range map[string]string{
		"{path}": "path", "{http.request.header.X-User}": "http.request.header.X-User", "x{path}": "", "{path}x": "",
		"{a}{b}": "", "{a{b}}": "", `{a\}}`: "", "plain": "", "{": "", "}": "", "": "", "{}": "",
	} {
		if got := onlyPlaceholder(key); got != want {
			t.Errorf("%q is the placeholder %q, want %q", key, got, want)
		}
	}
}
