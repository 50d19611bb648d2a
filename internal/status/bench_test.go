package status

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// BenchmarkPool answers with the state of a pool of 10,000 endpoints, and with that of all pools.
func BenchmarkPool(b *testing.B) {
	claim, err := endpoint.Acquire(endpoint.Definition{
		Config: b, Name: "large", Text: "{}",
		Run: func(ctx context.Context, _ *endpoint.Roster) { <-ctx.Done() },
	})
	if err != nil {
		b.Fatal(err)
	}
	defer claim.Release()
	infos := make([]listing.Info, 10_000)
	for i := range infos {
		infos[i] = listing.Info{
			Address: fmt.Sprintf("10.0.%d.%d:80", i/256, i%256), Weight: 1, ID: fmt.Sprint("web-", i), Zone: "a",
		}
	}
	claim.Roster.Replace(infos)
	for name, handler := range map[string]func(http.ResponseWriter, *http.Request) error{
		"one": getPool, "all": listPools,
	} {
		b.Run(name, func(b *testing.B) {
			request := httptest.NewRequest(http.MethodGet, "/pools/large", nil)
			request.SetPathValue("pool", "large")
			for b.Loop() {
				w := httptest.NewRecorder()
				if err := handler(w, request); err != nil || w.Body.Len() == 0 {
					b.Fatal(err)
				}
			}
		})
	}
}
