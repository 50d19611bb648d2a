package traffic

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// Caddy counts failures by address, over all pools and upstream sources of a process. A pool learns
// the count of an endpoint from the first upstream that it hands out for it.

// elsewhere returns a site whose pool has other names but the same addresses as those of the other
// sites, and forgets no failure.
func elsewhere(name int, endpoints, options string) string {
	return fmt.Sprintf("reverse_proxy {\ndynamic pool number%d {\n%s\n}\nfail_duration 1h\n%s\n}", name, endpoints, options)
}

func TestTheFirstPickKnowsTheFailuresOfOtherHandlers(t *testing.T) {
	for policy, line := range ourPolicies {
		if strings.Contains(line, "fallback first") {
			continue // Caddy's own policies see the failures of all endpoints that the pool lists
		}
		t.Run(policy, func(t *testing.T) {
			fleet := startBackends(t, 3)
			// weighted_first would never look at one behind the one that lives.
			slices.SortFunc(fleet, func(a, b *backend) int { return cmp.Compare(a.address, b.address) })
			var sites []string
			for i := range 9 {
				sites = append(sites, elsewhere(i, "source static "+fleet.String(), line))
			}
			p := startProxy(t, sites...)
			for _, b := range fleet[:2] {
				b.kill()
			}
			fail(t, p, fleet[:2])
			for site := range len(sites) - 1 { // any of the three is the first pick of one of them
				c := p.client(1 + site)
				for i := range 3 {
					if a := expectOK(t)(c.get(fmt.Sprint("/", i))); a.backend != fleet[2].name {
						t.Errorf("%s answered", a.backend)
					}
				}
			}
			expectInFlight(t, nil)
		})
	}
}

// fail sends requests until each of the dead backends has failed one. Caddy counts that, while the
// client hardly notices it: a request whose connection is refused goes on to another backend.
func fail(t *testing.T, p *proxy, dead fleet) {
	t.Helper()
	c, i := p.client(0), 0
	admin := &client{&http.Client{Transport: caddytest.SingleUseTransport(p.AdminSocket())}, "http://admin"}
	eventually(t, "each dead backend fails a request", func() bool {
		i++
		if _, err := c.get(fmt.Sprint("/", i)); err != nil {
			t.Fatal(err)
		}
		var counts []struct {
			Address string
			Fails   int
		}
		if err := json.Unmarshal([]byte(expectOK(t)(admin.get("/reverse_proxy/upstreams")).body), &counts); err != nil {
			t.Fatal(err)
		}
		failed := 0
		for _, count := range counts {
			for _, b := range dead {
				if count.Address == b.address && count.Fails > 0 {
					failed++
				}
			}
		}
		return failed == len(dead)
	})
}

func TestTheFirstPickGoesOnToTheBackupIfAllOthersFailedElsewhere(t *testing.T) {
	fleet := startBackends(t, 3)
	endpoints := staticEndpoints(fleet, "", "", "priority 1")
	p := startProxy(t, elsewhere(0, endpoints, roundRobin), elsewhere(1, endpoints, roundRobin))
	for _, b := range fleet[:2] {
		b.kill()
	}
	fail(t, p, fleet[:2])
	for range 3 {
		if a := expectOK(t)(p.client(1).get("/")); a.backend != fleet[2].name {
			t.Errorf("%s answered", a.backend)
		}
	}
}

func TestTheFirstPickMayFailEverywhere(t *testing.T) {
	fleet := startBackends(t, 2)
	endpoints := "source static " + fleet.String()
	p := startProxy(t, elsewhere(0, endpoints, roundRobin), elsewhere(1, endpoints, roundRobin))
	for _, b := range fleet {
		b.kill()
	}
	fail(t, p, fleet)
	expectStatus(t, http.StatusServiceUnavailable)(p.client(1).get("/"))
	expectInFlight(t, nil)
}
