package traffic

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// poolRoutes returns what the pool "web" knows of routes, by their names.
func poolRoutes(fleet) map[string]load.RouteStatus {
	var routes *load.Routes
	endpoint.Each(func(name string, p *endpoint.Pool) bool {
		if name == "web" {
			routes = p.Routes()
		}
		return true
	})
	return byName(routes)
}

// staticRoutes returns what a list of static upstreams knows of routes.
func staticRoutes(f fleet) map[string]load.RouteStatus {
	routes, release := endpoint.AcquireRoutes(strings.Join(f.addresses(), "\n") + "\n")
	defer release()
	return byName(routes)
}

func byName(routes *load.Routes) map[string]load.RouteStatus {
	all := make(map[string]load.RouteStatus)
	for _, r := range routes.Status() {
		all[r.Name] = r
	}
	return all
}

// severalRoutes answers quickly below /users, fails at /broken, and keeps a poll for as long as its
// query says.
func severalRoutes(b *backend, w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/broken":
		w.WriteHeader(http.StatusInternalServerError)
	case "/poll":
		d, _ := time.ParseDuration(r.URL.RawQuery)
		time.Sleep(d)
	default:
		writeNameSlowly(b, w, r)
	}
}

func TestWhatIsKnownOfRoutesSurvivesAReload(t *testing.T) {
	const orders, broken = "GET /users/*/orders", "GET /broken"
	for kind, known := range map[string]func(fleet) map[string]load.RouteStatus{"a pool": poolRoutes, "static": staticRoutes} {
		t.Run(kind, func(t *testing.T) {
			f := startBackends(t, 2, severalRoutes)
			site := func(option string) string {
				return fmt.Sprintf("reverse_proxy {\n%s\nlb_policy adaptive_latency\n%s\n}", upstreamsOf(f)[kind], option)
			}
			p := startProxy(t, site(""))
			send := func(n int) {
				c := p.client()
				for i := range n {
					expectOK(t)(c.get(fmt.Sprintf("/users/%d/orders", i)))
					expectStatus(t, http.StatusInternalServerError)(c.get("/broken"))
				}
			}
			start := time.Now()
			send(30)
			// Parked is what takes 20 times as long as usual, and a second at least.
			expectOK(t)(p.client().get(fmt.Sprint("/poll?", 1200*time.Millisecond+time.Since(start))))
			eventually(t, "polls are parked", func() bool { return known(f)["GET /poll"].Parked })
			before := known(f)
			got := before[orders]
			if got.Requests != 30 || got.Mean < 5*time.Millisecond || got.Failures > 0 || got.Parked {
				t.Errorf("before the reload: %+v", got)
			}
			if err := p.reload(site("stream_close_delay 5s"), "respond other"); err != nil {
				t.Fatal(err)
			}
			if after := known(f); len(after) != len(before) || after[orders] != before[orders] || !after["GET /poll"].Parked {
				t.Errorf("routes were %v, and are %v after the reload", before, after)
			}
			send(20)
			after := known(f)
			if after[orders].Requests != 50 || after[broken].Requests != 50 || after[broken].Failures != 1 {
				t.Errorf("after the reload: %+v", after)
			}
		})
	}
}

func TestTheOptionRouteNamesRoutes(t *testing.T) {
	for option, want := range map[string]map[string]uint64{
		"route {http.request.header.X-Kind}": {"cheap": 20, "dear": 10},
		"route off":                          {"all": 30},
		"":                                   {"GET /a": 10, "GET /b": 20},
	} {
		t.Run(option, func(t *testing.T) {
			f := startBackends(t, 2)
			c := startProxy(t, pooled(f, "lb_policy adaptive_latency {\n"+option+"\n}")).client()
			for i := range 30 {
				path, kind := "/b", "cheap"
				if i%3 == 0 {
					path = "/a"
				}
				if i >= 20 {
					kind = "dear"
				}
				expectOK(t)(c.get(path, "X-Kind", kind))
			}
			got := make(map[string]uint64)
			for name, r := range poolRoutes(f) {
				got[name] = r.Requests
			}
			if !maps.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestARouteWithoutATextIsRefused(t *testing.T) {
	for _, option := range []string{"route", `route ""`, "route one two"} {
		site := ":0 {\n" + pooled(nil, "lb_policy adaptive_latency {\n"+option+"\n}") + "\n}"
		_, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(site), nil)
		if err == nil || !strings.Contains(err.Error(), "route") {
			t.Errorf("%s: the error is %v", option, err)
		}
	}
}

// word returns a random segment of a path that looks like a word. Others fold into one route.
func word() string {
	letters := make([]byte, 8)
	for i := range letters {
		letters[i] = 'g' + byte(rand.N(20))
	}
	return string(letters)
}

func TestInventedPathsTakeABoundedNumberOfRoutes(t *testing.T) {
	f := startBackends(t, 3, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/items/") {
			writeNameSlowly(b, w, r)
		}
	})
	p := startProxy(t, pooled(f, "lb_policy adaptive_latency"))
	expectSpread(t, p, f, "before")
	c := p.client()
	flood(8, 5_000, func(i int) {
		path := "/" + word()
		if i%2 == 0 {
			path += "/" + word()
		}
		if a, err := c.get(path); err != nil || a.status != http.StatusOK {
			t.Errorf("status %d, %v", a.status, err)
		}
	})
	known := poolRoutes(f)
	// Besides the 1,024 places there are 16 coarse routes. Fewer than half would be no flood.
	if n := len(known); n < 512 || n > 1024+16 {
		t.Errorf("%d routes are known", n)
	}
	if got := known["GET /items/*"]; got.Requests != 300 {
		t.Errorf("of the quick requests, %d are known after the flood", got.Requests)
	}
	expectSpread(t, p, f, "after")
}
