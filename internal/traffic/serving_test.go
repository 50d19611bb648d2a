package traffic

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// staticEndpoints returns a static source whose endpoints have one line of options each.
func staticEndpoints(f fleet, options ...string) string {
	var text strings.Builder
	for i, b := range f {
		fmt.Fprintf(&text, "endpoint %s {\n%s\n}\n", b.address, options[i])
	}
	return "source static {\n" + text.String() + "}\n"
}

// poolWith returns a site that proxies to a pool with these lines.
func poolWith(lines, options string) string {
	return fmt.Sprintf("reverse_proxy {\ndynamic pool web {\n%s\n}\n%s\n}", lines, options)
}

// answering returns the names of the backends that answer n requests, in order and each once.
func answering(t *testing.T, c *client, n int) string {
	t.Helper()
	counts := shares(t, c, n)
	var all []string
	for name := range counts {
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestTheBackupTierTakesOver(t *testing.T) {
	fleet := startBackends(t, 3)
	lines := staticEndpoints(fleet, "", "", "priority 1") + fastChecks("http /", longTimeout)
	c := startProxy(t, poolWith(lines, roundRobin+"\nlb_retries 1")).client()
	if got := answering(t, c, 30); got != "b0 b1" {
		t.Errorf("%s answered", got)
	}
	fleet[0].kill()
	awaitUnhealthy(t, fleet[0])
	counts := shares(t, c, 1000) // half of the tier carries 70 % of the requests
	if n := counts["b2"]; n < 230 || n > 370 || counts["b0"] > 0 {
		t.Errorf("shares are %v", counts)
	}
	fleet[1].kill()
	awaitUnhealthy(t, fleet[1])
	if got := answering(t, c, 30); got != "b2" {
		t.Errorf("%s answered", got)
	}
}

func TestTheLocalZoneServesAsLongAsItCan(t *testing.T) {
	t.Setenv("ZONE", "x")
	fleet := startBackends(t, 4)
	lines := staticEndpoints(fleet, "zone x", "zone x", "zone y", "zone y") +
		"zone {env.ZONE}\n" + fastChecks("http /", longTimeout)
	for _, policy := range []string{roundRobin, "", "lb_policy least_conn"} {
		t.Run(policy, func(t *testing.T) {
			c := startProxy(t, poolWith(lines, policy+"\nlb_retries 1")).client()
			if got := answering(t, c, 40); got != "b0 b1" {
				t.Errorf("%s answered", got)
			}
			fleet[0].kill()
			awaitUnhealthy(t, fleet[0])
			counts := shares(t, c, 600) // one of three endpoints has two thirds of a fair half
			if n := counts["b1"]; n < 330 || n > 470 || counts["b0"] > 0 {
				t.Errorf("shares are %v", counts)
			}
			if err := fleet[0].start(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestDrainingEndpointsServeIfNoOtherCan(t *testing.T) {
	fleet := startBackends(t, 3)
	lines := staticEndpoints(fleet, "draining", "weight 0", "") + fastChecks("http /", longTimeout)
	for policy, line := range ourPolicies {
		t.Run(policy, func(t *testing.T) {
			c := startProxy(t, poolWith(lines, line+"\nlb_retries 1")).client()
			if got := answering(t, c, 20); got != "b2" {
				t.Errorf("%s answered", got)
			}
			fleet[2].kill()
			awaitUnhealthy(t, fleet[2])
			got := answering(t, c, 60)
			fillsOne := strings.Contains(line, "fallback first") || strings.Contains(line, "weighted_first")
			if got != "b0 b1" && !fillsOne || strings.Contains(got, "b2") {
				t.Errorf("%s answered", got)
			}
			if err := fleet[2].start(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestFailOpenDecidesWhatServesIfAllAreUnhealthy(t *testing.T) {
	fleet := startBackends(t, 3)
	health := fastChecks("http / {\nstatus 204\n}", longTimeout) // no backend answers 204
	for option, want := range map[string]string{
		"": "200", "fail_open 0%": "200", "fail_open 50%": "200", "fail_open off": "503",
	} {
		t.Run(option, func(t *testing.T) {
			c := startProxy(t, poolWith("source static "+fleet.String()+"\n"+option+"\n"+health, roundRobin)).client()
			eventually(t, "all are unhealthy", func() bool { return logged.Count("endpoint is unhealthy") == 3 })
			for i := range 30 {
				if a, err := c.get(fmt.Sprint("/", i)); err != nil || fmt.Sprint(a.status) != want {
					t.Fatalf("status %d, %v; want %s", a.status, err, want)
				}
			}
			if n := len(logged.With("pool has too few usable endpoints")); (n == 1) != (want == "200") || n > 1 {
				t.Errorf("the log has %d lines about ignored health", n)
			}
		})
	}
}

// startAgent starts an agent, and returns the probe that asks it. It says of the endpoint with one
// address what answer returns, and "up" of all others.
func startAgent(t *testing.T, address string, answer func() string) (probe string) {
	t.Helper()
	agent := caddytest.Serve(t, func(conn net.Conn) {
		asked, _ := bufio.NewReader(conn).ReadString('\n')
		text := "up"
		if strings.TrimSpace(asked) == address {
			text = answer()
		}
		fmt.Fprintln(conn, text)
	})
	_, port, _ := net.SplitHostPort(agent)
	return fmt.Sprintf("agent {\nport %s\nsend \"{endpoint.address}\\n\"\n}", port)
}

func TestAnAgentDrainsAndWeightsItsBackend(t *testing.T) {
	fleet := startBackends(t, 2)
	var answer atomic.Value // for the first backend
	answer.Store("ready up 100%")
	probe := startAgent(t, fleet[0].address, func() string { return answer.Load().(string) })
	c := startProxy(t, checkedPool(fleet, fastChecks(probe, longTimeout), roundRobin)).client()
	share := func(text string, ok func(b0 int) bool) {
		t.Helper()
		answer.Store(text)
		eventually(t, "the share follows "+text, func() bool { return ok(shares(t, c, 60)["b0"]) })
	}
	share("ready up 100%", func(n int) bool { return n == 30 })
	share("50%", func(n int) bool { return n == 20 })
	share("drain", func(n int) bool { return n == 0 })
	share("ready", func(n int) bool { return n == 20 })
	share("down #maintenance", func(n int) bool { return n == 0 })
	share("up 100%", func(n int) bool { return n == 30 })
	if lines := logged.With("endpoint is unhealthy", "maintenance"); len(lines) != 1 {
		t.Errorf("the log has %d lines about it, want 1", len(lines))
	}
}
