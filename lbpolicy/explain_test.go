package lbpolicy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// explained returns how a picker would pick for a request.
func explained(t *testing.T, p endpoint.Picker, uri string) endpoint.Explanation {
	t.Helper()
	r, end := request(t, uri)
	defer end()
	return p.(endpoint.Explainer).Explain(r)
}

// Sizes are below and above those beyond which policies compare samples or keep tables.
func TestAnExplanationNamesTheEndpointThatIsPicked(t *testing.T) {
	for name, ranked := range map[string]func(n int) bool{
		"adaptive_latency":            func(n int) bool { return n <= compareAll },
		"weighted_least_conn":         func(n int) bool { return n <= compareAll },
		"weighted_first":              func(int) bool { return true },
		"bounded_load_hash":           func(int) bool { return true },
		"weighted_random":             func(int) bool { return false },
		"smooth_weighted_round_robin": func(int) bool { return false },
	} {
		for _, n := range []int{1, 3, 127, 129, 1000} {
			t.Run(fmt.Sprint(name, " of ", n), func(t *testing.T) {
				roster := checkedPool(t)
				weights := make([]int, n)
				for i := range weights {
					weights[i] = 1 + i%5
				}
				roster.Replace(weighted(t, weights...))
				p := newHost(t, name, "").policy.NewPicker(roster, nil)
				defer p.Stop()
				for i := range 20 {
					uri := fmt.Sprint("/", i)
					e := explained(t, p, uri)
					if e.Policy != name || len(e.Endpoints) != n || e.Reason == "" || (e.Picked != "") != ranked(n) {
						t.Fatalf("%s picks %q of %d, because %q", e.Policy, e.Picked, len(e.Endpoints), e.Reason)
					}
					got := pickFor(t, p, uri)
					is := func(x endpoint.ExplainedEndpoint) bool { return x.Address == got }
					at := slices.IndexFunc(e.Endpoints, is)
					first, picked := e.Endpoints[0], e.Endpoints[at]
					equal := first.Cost != nil && *first.Cost == *picked.Cost && name == "adaptive_latency" // which draws lots
					if e.Picked != "" && got != e.Picked && !equal {
						t.Errorf("for %s it says %s, and picks %s: %+v, %+v", uri, e.Picked, got, first, picked)
					}
				}
			})
		}
	}
}

func TestAnExplanationFollowsTheRequestsInFlight(t *testing.T) {
	for _, name := range []string{"weighted_least_conn", "weighted_first"} {
		t.Run(name, func(t *testing.T) {
			roster := checkedPool(t)
			infos := weighted(t, 2, 1)
			infos[0].MaxRequests, infos[1].MaxRequests = 2, 9
			roster.Replace(infos)
			admit := func(m *endpoint.Member) (bool, int) { return true, int(m.MaxRequests) }
			p := newHost(t, name, "").policy.NewPicker(roster, admit)
			defer p.Stop()
			for i := range 5 {
				r, end := request(t, "/")
				defer end()
				e := p.(endpoint.Explainer).Explain(r)
				got, _ := p.Pick(r)
				if got == nil || got.Address() != e.Picked || e.Endpoints[0].Rank != 1 {
					t.Errorf("request %d: it says %+v, and picks %v", i, e.Endpoints[0], got)
				}
			}
		})
	}
}

func TestAnExplanationDoesNotGuessAKeyThatItCannotKnow(t *testing.T) {
	roster := checkedPool(t)
	roster.Replace(weighted(t, 1, 1, 1))
	for key, want := range map[string]string{
		"{l4.tls.server_name}":                         "the key has {l4.tls.server_name}, which a request that is only explained does not have",
		"{l4.tls.server_name}/{http.request.uri.path}": "the key has {l4.tls.server_name}, which",
		"{http.request.header.Session}":                "the key of the request is empty, so that a random endpoint gets it",
	} {
		config := fmt.Sprintf(`{"policy":"bounded_load_hash","key":%q}`, key)
		p := newHostWith(t, config, "").policy.NewPicker(roster, nil)
		if e := explained(t, p, "/"); e.Picked != "" || !strings.HasPrefix(e.Reason, want) {
			t.Errorf("%s: it picks %q, because %q; want none, because %q", key, e.Picked, e.Reason, want)
		}
		p.Stop()
	}
}
