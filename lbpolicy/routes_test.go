package lbpolicy

import (
	"net/http"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

func TestNothingIsKnownOfTheRoutesOfAListThatNoConfigHas(t *testing.T) {
	tables := func() (n int) {
		endpoint.EachStaticRoutes(func(string, *load.Routes) bool { n++; return true })
		return n
	}
	everyPolicy(t, "routes-a:1 routes-b:1", func(t *testing.T, h *host) {
		if tables() == 0 {
			t.Error("a list in use has no table")
		}
		h.clean()
		if n := tables(); n != 0 {
			t.Errorf("%d tables are left", n)
		}
	})
}

func TestRoutesAreToldApartByTheOption(t *testing.T) {
	request := requestsForPaths(2)
	for _, c := range []struct {
		route string
		equal bool
	}{{"off", true}, {"{http.request.method}", true}, {"{http.request.uri.path}", false}} {
		by, table := routeBy(c.route), new(load.Routes)
		find := func(r *http.Request) *load.Route { k := by(r); return table.Find(&k, load.Now()) }
		if equal := find(request[0]) == find(request[1]); equal != c.equal {
			t.Errorf("route %s: two paths are one route: %v, want %v", c.route, equal, c.equal)
		}
	}
	if routeBy("") != nil {
		t.Error("without the option routes are not told apart by method and path")
	}
}
