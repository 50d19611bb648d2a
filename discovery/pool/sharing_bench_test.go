package pool_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// BenchmarkManyHandlers measures what it costs that many reverse proxies share a pool: the memory
// that they hold, the time to provision them, and the time from an answer with another endpoint
// until each of them has picked that endpoint. An iteration replaces one endpoint.
func BenchmarkManyHandlers(b *testing.B) {
	const handlers, endpoints, replaced = 300, 40, 29
	requests := keyedRequests(1000)
	for _, p := range ours {
		if policyName(p) == "weighted_first" {
			continue // it would never pick the endpoint that is replaced
		}
		b.Run("policy="+policyName(p), func(b *testing.B) {
			base := quietContext(b)
			before, start := heap(), time.Now()
			proxies := make([]*reverseproxy.Handler, handlers)
			for i := range proxies {
				proxies[i] = newHandler(b, base, poolConfig(endpoints, p)).(*reverseproxy.Handler)
			}
			provisioning := time.Since(start)
			report := <-benchReports
			lists := [2][]discovery.Endpoint{benchEndpoints(endpoints), benchEndpoints(endpoints)}
			lists[1][replaced].Address = "10.9.9.9:8080"
			awaitPick(proxies, requests, lists[0][replaced].Address)
			var served time.Duration
			n := 0
			for b.Loop() {
				n++
				start := time.Now()
				report(discovery.Answer{Endpoints: lists[n%2], Authoritative: true})
				awaitPick(proxies, requests, lists[n%2][replaced].Address)
				served += time.Since(start)
			}
			for range 200 { // a table that is built once it pays counts too
				awaitPick(proxies, requests, lists[n%2][replaced].Address)
			}
			time.Sleep(200 * time.Millisecond)
			b.ReportMetric(float64(heap()-before)/(1<<20), "MB")
			b.ReportMetric(provisioning.Seconds()*1e3, "ms-provisioning")
			b.ReportMetric(served.Seconds()*1e3/float64(n), "ms-until-served")
			runtime.KeepAlive(proxies)
		})
	}
}

// awaitPick lets each proxy pick until it has picked the endpoint with this address.
func awaitPick(proxies []*reverseproxy.Handler, requests []*http.Request, address string) {
	for _, h := range proxies {
		for i := 0; ; i++ {
			picked, err := h.DynamicUpstreams.GetUpstreams(requests[i%len(requests)])
			if err == nil && len(picked) == 1 && picked[0].Dial == address {
				break
			}
		}
	}
}

// keyedRequests returns requests with different paths. They have no variables, so no place is
// reserved for them.
func keyedRequests(n int) []*http.Request {
	requests := make([]*http.Request, n)
	for i := range requests {
		r := httptest.NewRequest(http.MethodGet, fmt.Sprint("/products/", i), nil)
		requests[i] = r.WithContext(context.WithValue(r.Context(), caddy.ReplacerCtxKey, caddyhttp.NewTestReplacer(r)))
	}
	return requests
}

// heap returns the size of all objects that are in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
