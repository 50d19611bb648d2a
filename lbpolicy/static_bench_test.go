package lbpolicy

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// BenchmarkManySites measures the time to load and to clean up a config of sites that each have a
// reverse proxy with an upstream of its own. The time per site must not depend on their number.
func BenchmarkManySites(b *testing.B) {
	for _, sites := range []int{1000, 4000} {
		b.Run(fmt.Sprintf("sites=%d", sites), func(b *testing.B) {
			var cleanup time.Duration
			n := 0
			for b.Loop() {
				n++
				unload := loadSites(b, sites)
				start := time.Now()
				unload()
				cleanup += time.Since(start)
			}
			b.ReportMetric(cleanup.Seconds()*1e3/float64(n), "ms-cleanup")
		})
	}
}

// loadSites loads the reverse proxies, and sends each a request, without which it has no endpoints.
func loadSites(b *testing.B, sites int) (unload func()) {
	base, err := caddy.ProvisionContext(&caddy.Config{Admin: &caddy.AdminConfig{Disabled: true}})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := caddy.NewContext(base)
	for i := range sites {
		module, err := ctx.LoadModuleByID("http.handlers.reverse_proxy", json.RawMessage(fmt.Sprintf(
			`{"upstreams":[{"dial":%q}],"load_balancing":{"selection_policy":{"policy":"adaptive_latency"}}}`, address(i))))
		if err != nil {
			b.Fatal(err)
		}
		h := module.(*reverseproxy.Handler)
		if h.LoadBalancing.SelectionPolicy.Select(h.Upstreams, nil, nil) == nil {
			b.Fatal("nothing is usable")
		}
	}
	return cancel
}

// BenchmarkFallbackOfVaryingLists measures a request for the fallback when each request has another
// list of 40 upstreams, as some upstream sources report.
func BenchmarkFallbackOfVaryingLists(b *testing.B) {
	base, err := caddy.ProvisionContext(&caddy.Config{Admin: &caddy.AdminConfig{Disabled: true}})
	if err != nil {
		b.Fatal(err)
	}
	module, err := base.LoadModuleByID("http.reverse_proxy.selection_policies.bounded_load_hash",
		json.RawMessage(`{"key":"{http.request.cookie.none}","fallback":{"policy":"round_robin"}}`))
	if err != nil {
		b.Fatal(err)
	}
	p := module.(*BoundedLoadHash)
	defer p.Cleanup()
	var lists [2]reverseproxy.UpstreamPool
	for i := range 40 {
		for j := range lists {
			u := &reverseproxy.Upstream{Dial: address(i + j), Host: new(reverseproxy.Host)}
			lists[j] = append(lists[j], u)
		}
	}
	r := requestsForPaths(1)[0]
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if p.Select(lists[i%2], r, nil) == nil {
			b.Fatal("nothing is usable")
		}
	}
}
