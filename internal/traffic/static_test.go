package traffic

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
)

func TestUpstreamsThatFailCaddysHealthChecksGetNothing(t *testing.T) {
	var down atomic.Bool
	var refused atomic.Int32 // number of failed checks
	fleet := startBackends(t, 2, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/health" {
			b.hits.Add(-1)
			if b.name == "b0" && down.Load() {
				w.WriteHeader(http.StatusInternalServerError)
				refused.Add(1)
			}
			return
		}
		writeName(b, w, r)
	})
	for policy, line := range ourPolicies {
		t.Run(policy, func(t *testing.T) {
			down.Store(false)
			site := fmt.Sprintf("reverse_proxy %s {\nhealth_uri /health\nhealth_interval 10ms\n%s\n}", fleet, line)
			c := startProxy(t, site).client()
			expectOK(t)(c.get("/"))
			refused.Store(0)
			down.Store(true)
			// That a few requests miss b0 could be chance.
			eventually(t, "b0 is known to be down", func() bool { return refused.Load() > 2 && shares(t, c, 10)["b0"] == 0 })
			if counts := shares(t, c, 20); counts["b1"] != 20 {
				t.Errorf("shares are %v", counts)
			}
			expectInFlight(t, nil) // checks do not count as requests
		})
	}
}

func TestAnUpstreamMayBeAPlaceholder(t *testing.T) {
	fleet := startBackends(t, 2)
	for policy, line := range ourPolicies {
		t.Run(policy, func(t *testing.T) {
			c := startProxy(t, fmt.Sprintf("reverse_proxy {header.X-To} {\n%s\n}", line)).client()
			for range 3 {
				for _, b := range fleet {
					if a := expectOK(t)(c.get("/", "X-To", b.address)); a.backend != b.name {
						t.Errorf("%s answered for %s", a.backend, b.name)
					}
				}
			}
			expectInFlight(t, nil)
		})
	}
}

func TestWeightsOfStaticUpstreamsCount(t *testing.T) {
	fleet := startBackends(t, 3)
	c := startProxy(t, fmt.Sprintf("reverse_proxy %s {\n%s 5 3 0\n}", fleet, roundRobin)).client()
	if counts := shares(t, c, 80); counts["b0"] != 50 || counts["b1"] != 30 {
		t.Errorf("shares are %v, want 50 and 30", counts)
	}
}
