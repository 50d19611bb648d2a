package lbpolicy

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
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
	p.Key, p.key = key, newRequestText(key)
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

func (c *caches) total() (n int) {
	for _, m := range c.roster.Snapshot().Members {
		n += m.InFlight()
	}
	return n
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
