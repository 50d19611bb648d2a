package traffic

import (
	"fmt"
	"os"
	"testing"
)

// sessionsOf begins n sessions, and returns the clients with the backends that they are at.
func sessionsOf(t *testing.T, p *proxy, n int) (clients []*client, at []string) {
	t.Helper()
	for range n {
		c := p.cookieClient()
		a := expectOK(t)(c.get("/"))
		if len(a.header["Set-Cookie"]) != 1 {
			t.Fatalf("a newcomer got %q", a.header["Set-Cookie"])
		}
		clients, at = append(clients, c), append(at, a.backend)
	}
	return clients, at
}

// expectAt fails the test unless each session is where it was, and gets no other cookie.
func expectAt(t *testing.T, when string, clients []*client, at []string) {
	t.Helper()
	for i, c := range clients {
		a := expectOK(t)(c.get("/"))
		if a.backend != at[i] || len(a.header["Set-Cookie"]) > 0 {
			t.Errorf("%s: session %d is at %s instead of %s, with the cookies %q",
				when, i, a.backend, at[i], a.header["Set-Cookie"])
		}
	}
}

const stickyRandom = "lb_policy sticky {\npolicy weighted_random\n}"

func TestSessionsOutliveReloadsRestartsAndDrains(t *testing.T) {
	fleet := startBackends(t, 3)
	lines := staticEndpoints(fleet, "", "", "")
	for name, site := range map[string]string{
		"pool":             poolWith(lines, stickyRandom),
		"pool by Caddy":    poolWith(lines, "lb_policy sticky {\npolicy random\n}"),
		"static":           fmt.Sprintf("reverse_proxy %s {\n%s\n}", fleet, stickyRandom),
		"static by Caddy":  fmt.Sprintf("reverse_proxy %s {\nlb_policy sticky {\npolicy random\n}\n}", fleet),
		"pool, by default": poolWith(lines, "lb_policy sticky"),
	} {
		t.Run(name, func(t *testing.T) {
			p := startProxy(t, site)
			clients, at := sessionsOf(t, p, 30)
			expectAt(t, "at first", clients, at)
			if err := p.reload(site); err != nil {
				t.Fatal(err)
			}
			expectAt(t, "after a reload", clients, at)
			p.Stop()
			p.Start(p.text(site))
			expectAt(t, "after a restart", clients, at)
		})
	}
}

func TestADrainingEndpointKeepsItsSessionsAndGetsNoNewOnes(t *testing.T) {
	fleet := startBackends(t, 3)
	below := func(lines, options string) string {
		return fmt.Sprintf("reverse_proxy {\ndynamic multi {\npool web {\n%s\n}\n}\n%s\n}", lines, options)
	}
	for name, c := range map[string]struct {
		guest  string
		poolOf func(lines, options string) string
	}{
		"pool": {"weighted_random", poolWith}, "pool by Caddy": {"random", poolWith},
		"multi": {"weighted_random", below}, "multi by Caddy": {"random", below},
	} {
		t.Run(name, func(t *testing.T) {
			guest, poolOf := c.guest, c.poolOf
			policy := "lb_policy sticky {\npolicy " + guest + "\n}"
			p := startProxy(t, poolOf(staticEndpoints(fleet, "", "", ""), policy))
			clients, at := sessionsOf(t, p, 30)
			for _, drain := range []string{"draining", "weight 0"} {
				if err := p.reload(poolOf(staticEndpoints(fleet, drain, "", ""), policy)); err != nil {
					t.Fatal(err)
				}
				expectAt(t, drain, clients, at)
				_, others := sessionsOf(t, p, 30)
				for _, b := range others {
					if b == "b0" {
						t.Fatalf("%s: a session began at b0", drain)
					}
				}
			}
		})
	}
}

func TestASessionMovesOnceWhenItsEndpointIsDown(t *testing.T) {
	for _, returns := range []string{"", "return"} {
		t.Run(returns, func(t *testing.T) {
			fleet := startBackends(t, 3)
			policy := "lb_policy sticky {\npolicy weighted_random\n" + returns + "\n}\nlb_retries 1"
			p := startProxy(t, poolWith(staticEndpoints(fleet, "", "", "")+fastChecks("http /", longTimeout), policy))
			clients, at := sessionsOf(t, p, 30)
			fleet[0].kill()
			awaitUnhealthy(t, fleet[0])
			var moved []string
			for i, c := range clients {
				a := expectOK(t)(c.get("/"))
				moved = append(moved, a.backend)
				if at[i] != "b0" && a.backend != at[i] || a.backend == "b0" {
					t.Errorf("session %d went from %s to %s", i, at[i], a.backend)
				}
			}
			expectAt(t, "after the move", clients, moved)
			if err := fleet[0].start(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "b0 serves again", func() bool {
				return expectOK(t)(p.cookieClient().get("/")).backend == "b0"
			})
			if returns == "" {
				expectAt(t, "after the recovery", clients, moved)
				return
			}
			for i, c := range clients {
				if a := expectOK(t)(c.get("/")); a.backend != at[i] {
					t.Errorf("session %d of %s returned to %s", i, at[i], a.backend)
				}
			}
			expectAt(t, "after the return", clients, at)
		})
	}
}

func TestARetriedRequestSetsOneCookie(t *testing.T) {
	fleet := startBackends(t, 3)
	fleet[0].kill()
	fleet[1].kill()
	for name, site := range map[string]string{
		"pool":   poolWith(staticEndpoints(fleet, "", "", ""), stickyRandom+"\nlb_retries 5"),
		"static": fmt.Sprintf("reverse_proxy %s {\n%s\nlb_retries 5\n}", fleet, stickyRandom),
	} {
		t.Run(name, func(t *testing.T) {
			p := startProxy(t, site)
			clients, at := sessionsOf(t, p, 20)
			expectAt(t, "then", clients, at)
		})
	}
}

func TestABadCookieMakesANewcomer(t *testing.T) {
	fleet := startBackends(t, 2)
	p := startProxy(t, poolWith(staticEndpoints(fleet, "", ""), "lb_policy sticky {\ncookie {\nname s\n}\n}"))
	for _, value := range []string{"", "x", "0123456789abcdef", "0123456789abcdef.0123456789abcdef", "....", "\xff", "a b"} {
		a := expectOK(t)(p.client().get("/", "Cookie", "s="+value))
		if len(a.header["Set-Cookie"]) != 1 {
			t.Errorf("%q: got the cookies %q", value, a.header["Set-Cookie"])
		}
	}
}

func TestProxiesWithTheSameKeyAgreeAndAnOldKeyStaysValid(t *testing.T) {
	fleet := startBackends(t, 4)
	site := func(options string, order ...int) string {
		var f []*backend
		for _, i := range order {
			f = append(f, fleet[i])
		}
		return poolWith(staticEndpoints(f, "", "", "", ""), "lb_policy sticky {\npolicy weighted_random\n"+options+"\n}")
	}
	p := startProxy(t, site("keys first-key-of-16-bytes", 0, 1, 2, 3))
	clients, at := sessionsOf(t, p, 20)
	p.Stop()
	if err := os.RemoveAll(p.Storage()); err != nil {
		t.Fatal(err)
	}
	p.Start(p.text(site("keys first-key-of-16-bytes", 3, 1, 0, 2)))
	expectAt(t, "at another proxy", clients, at)
	if err := p.reload(site("keys second-key-16-bytes first-key-of-16-bytes", 3, 1, 0, 2)); err != nil {
		t.Fatal(err)
	}
	for i, c := range clients {
		if a := expectOK(t)(c.get("/")); a.backend != at[i] || len(a.header["Set-Cookie"]) != 1 {
			t.Errorf("with a new key session %d is at %s and got %q", i, a.backend, a.header["Set-Cookie"])
		}
	}
	if err := p.reload(site("keys second-key-16-bytes", 3, 1, 0, 2)); err != nil {
		t.Fatal(err)
	}
	expectAt(t, "without the old key", clients, at)
}
