package metrics

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// BenchmarkScrape answers a scrape of a pool in which every endpoint has been used, in the text
// format and in that of native histograms. The bound is 50 ms with 1,000 endpoints.
func BenchmarkScrape(b *testing.B) {
	for _, format := range []string{"text/plain", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"} {
		b.Run(map[bool]string{true: "text", false: "protobuf"}[format == "text/plain"], func(b *testing.B) {
			claim := startPool(b, endpoint.Definition{Owner: silent()}, maxEndpoints)
			for _, m := range claim.Roster.Snapshot().Members {
				attempt(m.Endpoint, claim.Pool.Routes())
			}
			registry := prometheus.NewRegistry()
			if err := Register(registry); err != nil {
				b.Fatal(err)
			}
			handler := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
			request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
			request.Header.Set("Accept", format)
			b.ReportAllocs()
			for b.Loop() {
				handler.ServeHTTP(discard{}, request)
			}
		})
	}
}

// discard is a response that is not read.
type discard struct{ io.Writer }

func (discard) Header() http.Header         { return make(http.Header) }
func (discard) WriteHeader(int)             {}
func (discard) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkCount is all that a request adds to the counters of its endpoint and pool, by many
// requests at once. The bound is 1 µs and 2 allocations.
func BenchmarkCount(b *testing.B) {
	claim := startPool(b, endpoint.Definition{Owner: silent()}, 10)
	members := claim.Roster.Snapshot().Members
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			e := members[i%len(members)].Endpoint
			e.CountPick("adaptive_latency", endpoint.FirstChoice)
			e.CountFirstByte(time.Duration(i) * time.Microsecond)
			e.CountEnding(endpoint.Answered)
		}
	})
}
