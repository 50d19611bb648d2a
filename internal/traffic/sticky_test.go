package traffic

import (
	"fmt"
	"net/http/cookiejar"
	"testing"
)

// cookieClient returns a client that keeps its cookies.
func (p *proxy) cookieClient() *client {
	c := p.client()
	c.Jar, _ = cookiejar.New(nil)
	return c
}

func TestCaddysStickyPoliciesKeepClientsAmongZones(t *testing.T) {
	fleet := startBackends(t, 4)
	lines := staticEndpoints(fleet, "zone x", "zone y", "zone y", "zone y") + "zone x"
	byPath := func(c *client, client int) (answer, error) { return c.get(fmt.Sprintf("/%d?user=%d", client, client)) }
	for policy, get := range map[string]func(c *client, client int) (answer, error){
		"cookie":     func(c *client, _ int) (answer, error) { return c.get("/") },
		"query user": byPath,
		"uri_hash":   byPath,
		"header X-User": func(c *client, client int) (answer, error) {
			return c.get("/", "X-User", fmt.Sprint("user", client))
		},
		"header None {\nfallback uri_hash\n}":                       byPath,
		"bounded_load_hash {header.None} {\nfallback query user\n}": byPath,
	} {
		t.Run(policy, func(t *testing.T) {
			p := startProxy(t, poolWith(lines, "lb_policy "+policy))
			seen := make(map[string]int)
			for client := range 100 {
				c := p.cookieClient()
				first := expectOK(t)(get(c, client)).backend
				seen[first]++
				for range 2 {
					if again := expectOK(t)(get(c, client)).backend; again != first {
						t.Fatalf("client %d was sent to %s and to %s", client, first, again)
					}
				}
			}
			if len(seen) != 4 {
				t.Errorf("clients were sent to %v, want some at each", seen)
			}
		})
	}
}

func TestASessionThatBeganAtABackupStaysThere(t *testing.T) {
	fleet := startBackends(t, 2)
	lines := staticEndpoints(fleet, "", "priority 1") + fastChecks("http /", longTimeout)
	p := startProxy(t, poolWith(lines, "lb_policy cookie"))
	fleet[0].kill()
	awaitUnhealthy(t, fleet[0])
	old := p.cookieClient()
	if a := expectOK(t)(old.get("/")); a.backend != "b1" {
		t.Fatalf("%s answered", a.backend)
	}
	if err := fleet[0].start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "b0 serves again", func() bool {
		return expectOK(t)(p.cookieClient().get("/")).backend == "b0"
	})
	for range 10 {
		if a := expectOK(t)(old.get("/")); a.backend != "b1" {
			t.Fatalf("%s answered the session that b1 began", a.backend)
		}
	}
}
