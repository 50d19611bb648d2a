package traffic

import (
	"fmt"
	"testing"
)

func TestPoolsBelowMultiContributeTheirEndpoints(t *testing.T) {
	fleet := startBackends(t, 4)
	for policy, line := range map[string]string{"ours": roundRobin, "Caddy's": "lb_policy round_robin"} {
		t.Run(policy, func(t *testing.T) {
			c := startProxy(t, fmt.Sprintf("reverse_proxy {\n%s\n%s\n}", upstreamsOf(fleet)["pools below multi"], line)).client()
			for name, n := range shares(t, c, 40) {
				if n != 10 {
					t.Errorf("%s answered %d of 40", name, n)
				}
			}
			expectInFlight(t, nil)
		})
	}
}

func TestWeightsCountInPoolsBelowMulti(t *testing.T) {
	fleet := startBackends(t, 2)
	c := startProxy(t, fmt.Sprintf(`reverse_proxy {
		dynamic multi {
			pool one {
				source static {
					endpoint %s {
						weight 3
					}
				}
			}
			pool two {
				source static %s
			}
		}
		lb_policy smooth_weighted_round_robin
	}`, fleet[0].address, fleet[1].address)).client()
	if counts := shares(t, c, 40); counts["b0"] != 30 {
		t.Errorf("shares are %v, want 3:1", counts)
	}
}

// belowMulti returns a site with two pools, each with these lines.
func belowMulti(one, two string) string {
	return fmt.Sprintf("reverse_proxy {\ndynamic multi {\npool one {\n%s\n}\npool two {\n%s\n}\n}\n%s\n}",
		one, two, roundRobin)
}

func TestAPoolWithAFractionOfAWeightWeighsNoMoreThanAnotherBelowMulti(t *testing.T) {
	fleet := startBackends(t, 3)
	probe := startAgent(t, fleet[0].address, func() string { return "50%" })
	c := startProxy(t, belowMulti(
		fmt.Sprintf("source static %s\n%s", fleet[:2], fastChecks(probe, longTimeout)),
		"source static "+fleet[2].address)).client()
	eventually(t, "the agent halves the share of b0", func() bool {
		counts := shares(t, c, 50)
		return counts["b0"] == 10 && counts["b1"] == 20
	})
}

func TestAZoneStandsForItsWholePoolBelowMulti(t *testing.T) {
	fleet := startBackends(t, 8)
	c := startProxy(t, belowMulti(
		staticEndpoints(fleet[:4], "zone x", "zone x", "zone y", "zone y")+"zone x",
		"source static "+fleet[4:].String())).client()
	counts := shares(t, c, 80)
	for i, want := range []int{20, 20, 0, 0, 10, 10, 10, 10} {
		if name := fleet[i].name; counts[name] != want {
			t.Errorf("%s answered %d of 80, want %d", name, counts[name], want)
		}
	}
}
