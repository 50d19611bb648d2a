package pool_test

import (
	"fmt"
	"testing"
)

// BenchmarkLimits compares a pool with each limit with a pool without one, in turn. x-none is the
// time of a request as a multiple of the time without limits. That of "none" is what the comparison
// itself varies by.
func BenchmarkLimits(b *testing.B) {
	base := quietContext(b)
	none := newHandler(b, base, limitedConfig("none", ""))
	serve(b, none) // waits for the pool's first list
	for _, limits := range []struct{ name, options string }{
		{"none", ""},
		{"max_requests", `"max_requests": 1000`},
		{"retry_after", `"retry_after": {"max": "30s"}`},
		{"retry_budget", `"retry_budget": {"percent": 20}`},
		{"max_in_flight", `"max_in_flight": 1000`},
		{"all", `"max_requests": 1000, "retry_after": {"max": "30s"}, "retry_budget": {"percent": 20},
			"retry_backoff": {"base": "25ms"}, "max_in_flight": 1000,
			"queue": {"length": 100, "class": "{http.request.header.X-Priority}"}`},
	} {
		b.Run("limits="+limits.name, func(b *testing.B) {
			h := none
			if limits.options != "" {
				h = newHandler(b, base, limitedConfig(limits.name, ", "+limits.options))
			}
			compareTo(b, h, none, "x-none")
		})
	}
}

// limitedConfig is the config of a reverse proxy with a pool that has limits.
func limitedConfig(pool, options string) string {
	return fmt.Sprintf(`{
		"dynamic_upstreams": {
			"source": "pool", "name": %q, "sources": [{"source": "bench", "endpoints": 10}]%s
		},
		"load_balancing": {"selection_policy": {"policy": "smooth_weighted_round_robin"}},
		"transport": {"protocol": "bench"}
	}`, pool, options)
}
