package traffic

import (
	"fmt"
	"net/http/cookiejar"
	"slices"
	"testing"
)

// shares sends n requests and returns the number of answers by backend.
func shares(t *testing.T, c *client, n int) map[string]int {
	t.Helper()
	counts := make(map[string]int)
	for i := range n {
		counts[expectOK(t)(c.get(fmt.Sprint("/", i))).backend]++
	}
	return counts
}

func TestCaddysPoliciesSelectFromTheWholePool(t *testing.T) {
	fleet := startBackends(t, 4)
	slices.SortFunc(fleet, compareAddresses) // the order in which a pool lists them
	sticks := func(counts map[string]int) bool { return len(counts) == 1 }
	some := func(counts map[string]int) bool { return len(counts) > 1 }
	spreads := func(counts map[string]int) bool { return len(counts) == 4 }
	even := func(counts map[string]int) bool {
		return counts["b0"] == 10 && counts["b1"] == 10 && counts["b2"] == 10
	}
	for policy, good := range map[string]func(map[string]int) bool{
		"first":                        func(counts map[string]int) bool { return counts[fleet[0].name] == 40 },
		"round_robin":                  even,
		"random":                       spreads,
		"random_choose 2":              some,
		"least_conn":                   spreads,
		"ip_hash":                      sticks,
		"client_ip_hash":               sticks,
		"header X-None":                spreads, // falls back to random
		"uri_hash":                     spreads,
		"cookie lb":                    sticks,
		"weighted_round_robin 1 1 1 1": even,
	} {
		t.Run(policy, func(t *testing.T) {
			c := startProxy(t, pooled(fleet, "lb_policy "+policy)).client()
			c.Jar, _ = cookiejar.New(nil)
			if counts := shares(t, c, 40); !good(counts) {
				t.Errorf("shares are %v", counts)
			}
			expectInFlight(t, nil)
		})
	}
}

func TestRetriesOfCaddysPoliciesGoElsewhere(t *testing.T) {
	fleet := startBackends(t, 3)
	for _, b := range fleet[:2] {
		b.kill()
	}
	for _, policy := range []string{"first", "ip_hash", "least_conn", "cookie lb", "round_robin"} {
		t.Run(policy, func(t *testing.T) {
			c := startProxy(t, pooled(fleet, "lb_retries 2\nlb_policy "+policy)).client()
			for range amount(10, 3) {
				expectOK(t)(c.get("/"))
			}
		})
	}
}

func TestSelectionsOfCaddysPoliciesAreInFlight(t *testing.T) {
	blocking := newBlockingHandler()
	fleet := startBackends(t, 2, blocking.serve)
	c := startProxy(t, pooled(fleet, "lb_policy round_robin")).client()
	done := make(chan error)
	for range 4 {
		go func() { _, err := c.get("/"); done <- err }()
		receive(t, blocking.arrived)
	}
	expectInFlight(t, fleet.each(2))
	close(blocking.release)
	for range 4 {
		if err := receive(t, done); err != nil {
			t.Error(err)
		}
	}
	expectInFlight(t, nil)
}
