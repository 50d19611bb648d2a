package e2e

import (
	"net/http"
	"strings"
	"testing"

	_ "github.com/mholt/caddy-ratelimit"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// The module in front is the one that the example names.
func TestTheExampleOfRateLimits(t *testing.T) {
	c := caddytest.New(t)
	e := c.Example("../../examples/rate-limit/Caddyfile")
	c.Start(e.Text)
	t.Cleanup(c.Stop)
	base := "http://" + strings.Replace(e.Address("8080"), "127.0.0.1", "localhost", 1)
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	served, refused := 0, 0
	for range 25 {
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, base, http.NoBody)
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		switch response.StatusCode {
		case http.StatusOK:
			served++
		case http.StatusTooManyRequests:
			refused++
			if response.Header.Get("Retry-After") == "" {
				t.Error("a refused client is not told when to come again")
			}
		}
	}
	if served < 20 || refused == 0 || served+refused != 25 {
		t.Errorf("of 25 requests %d were served and %d refused", served, refused)
	}
}
