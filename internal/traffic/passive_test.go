package traffic

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

func TestAFailedEndpointIsLeftOutAndComesBack(t *testing.T) {
	for name, policy := range map[string]string{
		"smooth_weighted_round_robin": roundRobin,
		// Its own memory of failures is short here, so that only fail_duration decides.
		"adaptive_latency":                "lb_policy adaptive_latency {\ndecay 10ms\nerror_penalty 1ms\n}",
		"bounded_load_hash":               "lb_policy bounded_load_hash {uri}",
		"bounded_load_hash without a key": "lb_policy bounded_load_hash {header.None}",
		"weighted_least_conn":             "lb_policy weighted_least_conn",
		"weighted_random":                 "lb_policy weighted_random",
		"Caddy's":                         "lb_policy round_robin",
	} {
		t.Run(name, func(t *testing.T) {
			fleet := startBackends(t, 2)
			c := startProxy(t, pooled(fleet, "lb_retries 1\nfail_duration 300ms\n"+policy)).client()
			fleet[0].kill()
			if answers := shares(t, c, 20); answers["b1"] != 20 {
				t.Errorf("while b0 was down the shares were %v", answers)
			}
			if err := fleet[0].start(); err != nil {
				t.Fatal(err)
			}
			i := 0
			eventually(t, "b0 serves again", func() bool {
				i++
				return expectOK(t)(c.get(fmt.Sprint("/", i))).backend == "b0"
			})
		})
	}
}

func TestABadStatusLeavesAnEndpointOutWithoutARetry(t *testing.T) {
	for _, policy := range []string{roundRobin, "lb_policy bounded_load_hash {uri}", "lb_policy round_robin"} {
		t.Run(policy, func(t *testing.T) {
			fleet := startBackends(t, 3, func(b *backend, w http.ResponseWriter, r *http.Request) {
				if b.name == "b0" {
					w.WriteHeader(http.StatusInternalServerError)
				}
			})
			c := startProxy(t, pooled(fleet, "fail_duration 1h\nmax_fails 2\nunhealthy_status 5xx\n"+policy)).client()
			for i := range 60 {
				c.get(fmt.Sprint("/", i))
			}
			if hits := fleet.hits(); hits[0] != 2 || hits[1]+hits[2] != 58 {
				t.Errorf("hits are %v; b0 may fail twice", hits)
			}
		})
	}
}

func TestIfAllEndpointsFailedTheAnswerIs503AndLogged(t *testing.T) {
	fleet := startBackends(t, 2)
	for _, b := range fleet {
		b.kill()
	}
	c := startProxy(t, pooled(fleet, "lb_retries 1\nfail_duration 1h")).client()
	expectStatus(t, http.StatusBadGateway)(c.get("/"))
	for range 3 {
		expectStatus(t, http.StatusServiceUnavailable)(c.get("/"))
	}
	if lines := logged.With("no endpoint can take a request", `"pool":"web"`, `"failing":2`); len(lines) != 1 {
		t.Errorf("the log has %d lines about it, want 1", len(lines))
	}
}

func TestWithATryDurationARequestWaitsForAnEndpoint(t *testing.T) {
	fleet := startBackends(t, 1)
	fleet[0].kill()
	c := startProxy(t, pooled(fleet, "lb_try_duration 1m\nlb_try_interval 10ms\nfail_duration 50ms")).client()
	time.AfterFunc(200*time.Millisecond, func() { fleet[0].start() })
	expectOK(t)(c.get("/"))
}

func TestADrainingEndpointGetsNothing(t *testing.T) {
	fleet := startBackends(t, 3)
	site := func(policy string) string {
		return fmt.Sprintf(`reverse_proxy {
			dynamic pool web {
				source static %s {
					endpoint %s {
						weight 0
					}
					endpoint %s {
						draining
					}
				}
			}
			%s
		}`, fleet[0].address, fleet[1].address, fleet[2].address, policy)
	}
	for policy, line := range ourPolicies {
		t.Run(policy, func(t *testing.T) {
			if counts := shares(t, startProxy(t, site(line)).client(), 20); counts["b0"] != 20 {
				t.Errorf("shares are %v", counts)
			}
		})
	}
	t.Run("Caddy's", func(t *testing.T) {
		if counts := shares(t, startProxy(t, site("lb_policy round_robin")).client(), 20); counts["b0"] != 20 {
			t.Errorf("shares are %v", counts)
		}
	})
}
