package traffic

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
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
			var sites []string
			for i := range 9 {
				sites = append(sites, elsewhere(i, "source static "+fleet.String(), line))
			}
			p := startProxy(t, sites...)
			for _, b := range fleet[:2] {
				b.kill()
			}
			fail(t, p.client(0), fleet[:2])
			for site := range len(sites) - 1 { // any of the three is the first pick of one of them
				c := p.client(1 + site)
				for i := range 3 {
					if a := expectOK(t)(c.get(fmt.Sprint("/", i))); a.backend != "b2" {
						t.Errorf("%s answered", a.backend)
					}
				}
			}
			expectInFlight(t, nil)
		})
	}
}

// fail sends requests until each of the dead backends has failed one.
func fail(t *testing.T, c *client, dead fleet) {
	t.Helper()
	failed, i := 0, 0
	eventually(t, "each dead backend fails a request", func() bool {
		i++
		a, err := c.get(fmt.Sprint("/", i))
		if err != nil {
			t.Fatal(err)
		}
		if a.status == http.StatusBadGateway {
			failed++
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
	fail(t, p.client(0), fleet[:2])
	for range 3 {
		if a := expectOK(t)(p.client(1).get("/")); a.backend != "b2" {
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
	fail(t, p.client(0), fleet)
	expectStatus(t, http.StatusServiceUnavailable)(p.client(1).get("/"))
	expectInFlight(t, nil)
}
