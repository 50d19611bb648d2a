package traffic

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// versions are the options of endpoints with these versions.
func versions(of ...string) []string {
	options := make([]string, len(of))
	for i, v := range of {
		options[i] = "metadata version " + v
	}
	return options
}

// splitSites are a pool and static upstreams with the same split of three backends, of which the
// last one is the canary.
func splitSites(f fleet, options string) map[string]string {
	split := func(stable, canary string) string {
		return "lb_retries 1\nlb_policy split {\ngroup stable " + stable + "\n" + fmt.Sprintf(options, canary) + "\n}"
	}
	return map[string]string{
		"pool":   poolWith(staticEndpoints(f, versions("v1", "v1", "v2")...), split("version=v1", "version=v2")),
		"static": fmt.Sprintf("reverse_proxy %s {\n%s\n}", f, split("", "address="+f[2].address)),
	}
}

func TestACanaryGetsExactlyItsShare(t *testing.T) {
	fleet := startBackends(t, 3)
	for name, options := range map[string]string{
		"ours":           "group canary %s 10%%",
		"Caddy's policy": "group canary %s 10%% {\npolicy round_robin\n}",
	} {
		for kind, site := range splitSites(fleet, options) {
			t.Run(name+", "+kind, func(t *testing.T) {
				p := startProxy(t, site)
				got := shares(t, p.client(), 1000)
				if got["b2"] < 98 || got["b2"] > 102 || got["b0"]+got["b1"]+got["b2"] != 1000 {
					t.Errorf("got %v, want 100 at the canary b2", got)
				}
			})
		}
	}
}

func TestTurnsGoOnOverAReload(t *testing.T) {
	fleet := startBackends(t, 3)
	for kind, site := range splitSites(fleet, "group canary %s 1%%") {
		t.Run(kind, func(t *testing.T) {
			p := startProxy(t, site)
			c, canary := p.retryingClient(), 0
			for range 20 {
				canary += shares(t, c, 50)["b2"]
				if err := p.reload(site); err != nil {
					t.Fatal(err)
				}
			}
			if canary < 8 || canary > 12 {
				t.Errorf("with a reload every 50 requests, the canary got %d of 1000, want 10", canary)
			}
		})
	}
}

func TestATesterChoosesTheGroupByHeaderOrCookie(t *testing.T) {
	fleet := startBackends(t, 3)
	for kind, site := range splitSites(fleet, "group canary %s 0%%\nforce header X-Version\nforce cookie version") {
		t.Run(kind, func(t *testing.T) {
			p := startProxy(t, site)
			for range 20 {
				if a := expectOK(t)(p.client().get("/")); a.backend == "b2" {
					t.Fatal("a group with a share of 0 got a request")
				}
				for _, header := range [][2]string{{"X-Version", "canary"}, {"Cookie", "version=canary"}} {
					if a := expectOK(t)(p.client().get("/", header[0], header[1])); a.backend != "b2" {
						t.Fatalf("%s: got %s", header, a.backend)
					}
				}
			}
		})
	}
}

func TestAClientStaysInItsGroupByACookie(t *testing.T) {
	fleet := startBackends(t, 3)
	site := func(share string) map[string]string {
		return splitSites(fleet, "group canary %s "+share+"%%\nsticky cookie variant {\nmax_age 30d\n}")
	}
	for kind, atFirst := range site("25") {
		t.Run(kind, func(t *testing.T) {
			p := startProxy(t, atFirst)
			clients, at := sessionsOf(t, p, 40)
			canaries := 0
			wantSame := func(when string, canMove bool) (moved int) {
				for i, c := range clients {
					for range 3 {
						a := expectOK(t)(c.get("/"))
						if len(a.header["Set-Cookie"]) > 0 {
							t.Errorf("%s: client %d got another cookie", when, i)
						}
						isCanary, was := a.backend == "b2", at[i] == "b2"
						if isCanary != was && (was || !canMove) {
							t.Errorf("%s: client %d went from %s to %s", when, i, at[i], a.backend)
						}
						if isCanary != was {
							moved++
							at[i] = a.backend
						}
					}
				}
				return moved
			}
			for _, backend := range at {
				if backend == "b2" {
					canaries++
				}
			}
			if canaries != 10 && canaries != 9 && canaries != 11 {
				t.Errorf("%d of 40 clients are at the canary, want 10", canaries)
			}
			wantSame("at first", false)
			if err := p.reload(site("50")[kind]); err != nil {
				t.Fatal(err)
			}
			if moved := wantSame("with the double share", true); moved < 8 || moved > 12 {
				t.Errorf("%d of 40 clients moved, want 10", moved)
			}
		})
	}
}

func TestACanaryThatIsDownCostsNoRequest(t *testing.T) {
	fleet := startBackends(t, 3)
	for kind, site := range splitSites(fleet, "group canary %s 50%%") {
		t.Run(kind, func(t *testing.T) {
			fleet[2].kill()
			p := startProxy(t, site)
			if got := shares(t, p.client(), 100); got["b0"]+got["b1"] != 100 {
				t.Errorf("got %v", got)
			}
			if err := fleet[2].start(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// guardedPool is a pool of two backends, of which the second is the canary, with a guard.
func guardedPool(f fleet, options string) string {
	return poolWith(staticEndpoints(f, versions("v1", "v2")...), `lb_policy split {
		group stable version=v1
		group canary version=v2 20%
		`+options+`
	}`)
}

// group returns a group of the pool.
func (p *proxy) group(name string) endpoint.Group {
	p.t.Helper()
	for _, g := range endpoint.Current("web").Groups() {
		if g.Name == name {
			return g
		}
	}
	p.t.Fatalf("there is no group %s", name)
	return endpoint.Group{}
}

func TestTheGuardStopsACanaryThatFailsAtOneRoute(t *testing.T) {
	fleet := startBackends(t, 2, func(b *backend, w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/broken": // at both
			w.WriteHeader(http.StatusInternalServerError)
		case r.URL.Path == "/cart" && b.name == "b1":
			w.WriteHeader(http.StatusBadGateway)
		default:
			writeName(b, w, r)
		}
	})
	site := guardedPool(fleet, "guard {\nmin_requests 50\n}")
	p := startProxyWith(t, "events {\non group_stopped record\n}", site)
	c := p.retryingClient()
	send := func(paths ...string) {
		for range 100 {
			for _, path := range paths {
				if _, err := c.get(path); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	content := func() bool { g := p.group("canary"); return g.Share == 20 && g.Guard == endpoint.GuardContent }
	eventually(t, "the guard is content", func() bool {
		send("/", "/broken")
		return content()
	})
	eventually(t, "the canary is stopped", func() bool {
		send("/", "/broken", "/cart")
		return p.group("canary").Share == 0
	})
	set := p.group("canary").Set
	if set.By != "guard" || !strings.Contains(set.Reason, "are errors") ||
		!strings.Contains(set.Reason, "most at GET /cart") {
		t.Errorf("it is %+v", set)
	}
	if got := shares(t, c, 50); got["b1"] > 0 {
		t.Errorf("then it gets %v", got)
	}
	p.expectSeries(map[string]float64{
		`pool_group_share_ratio{group="canary",pool="web"}`: 0,
		`pool_group_share_ratio{group="stable",pool="web"}`: 1,
	})
	const line = "group gets no more requests, because it is worse than the default group"
	if n := logged.Count(line, `"pool":"web"`, `"group":"canary"`, "are errors"); n != 1 {
		t.Errorf("%d log lines say so", n)
	}
	eventually(t, "an event says so", func() bool {
		events.Lock()
		defer events.Unlock()
		return slices.Contains(events.recorded, "group_stopped web true")
	})
	if err := p.reload(site); err != nil {
		t.Fatal(err)
	}
	if got := shares(t, c, 50); got["b1"] > 0 {
		t.Errorf("after a reload it gets %v", got)
	}
}

func TestACanaryTakesItsStepsByItself(t *testing.T) {
	fleet := startBackends(t, 2)
	const canary = "group stable version=v1\ngroup canary version=v2 {\nsteps 10% 1s, 50% 1s, 100%\n}"
	site := poolWith(staticEndpoints(fleet, versions("v1", "v2")...),
		"lb_policy split {\n"+canary+"\nguard {\nmin_requests 20\n}\n}")
	p := startProxy(t, site)
	c := p.retryingClient()
	if share := p.group("canary").Share; share != 10 {
		t.Errorf("it begins with %v %%, want 10 %%", share)
	}
	for _, step := range [][]string{{"it has 50 % now", "with 10 %"}, {"it has 100 % now", "with 50 %"}} {
		eventually(t, step[0], func() bool { shares(t, c, 40); return logged.Count(step...) == 1 })
	}
	if n := logged.Count("group goes on to its next step", `"group":"canary"`); n != 2 {
		t.Errorf("%d log lines say so, want 2", n)
	}
	if err := p.reload(site); err != nil {
		t.Fatal(err)
	}
	if got := shares(t, c, 20); got["b1"] != 20 {
		t.Errorf("after a reload it gets %v", got)
	}
	p.Stop()
	p.Start(p.text(site))
	if got := shares(t, p.client(), 20); got["b1"] != 20 {
		t.Errorf("after a restart it gets %v", got)
	}
}
