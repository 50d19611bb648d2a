package traffic

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// cutter is a fleet that closes a connection without an answer when a request uses it again, as a
// connection that ended while it was idle looks to the proxy.
type cutter struct {
	fleet fleet
	cuts  atomic.Int64
	every bool // cuts fresh connections too
}

// startCutter cuts requests to /cut. Others are answered, and leave a kept connection.
func startCutter(t *testing.T, n int) *cutter {
	t.Helper()
	c := new(cutter)
	c.fleet = startBackends(t, n, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if again := usesAgain(r); r.URL.Path == "/cut" && (again || c.every) {
			c.cuts.Add(1)
			closeConnection(w)
			return
		}
		writeNameSlowly(b, w, r)
	})
	return c
}

// broken returns how many broken connections are counted for all endpoints.
func broken() (n int64) {
	endpoint.Each(func(_ string, p *endpoint.Pool) bool {
		for _, e := range p.Endpoints() {
			n += int64(e.Broken())
		}
		return true
	})
	return n
}

func TestABrokenKeptConnectionSaysNothingOfItsEndpoint(t *testing.T) {
	for policy, line := range map[string]string{"round robin": roundRobin, "latency": "lb_policy adaptive_latency"} {
		t.Run(policy, func(t *testing.T) {
			cutter := startCutter(t, 2)
			c := startProxy(t, checkedPool(cutter.fleet, ejecting, line)).client()
			expectSharesOfAll(t, c, cutter.fleet)
			expectStatus(t, http.StatusBadGateway)(c.send(http.MethodPost, "/cut", strings.NewReader("one")))
			expectSharesOfAll(t, c, cutter.fleet)
			for range 10 { // after an idle time, many break at once
				flood(16, 64, func(int) { c.get("/") })
				flood(16, 16, func(int) { c.send(http.MethodPost, "/cut", strings.NewReader("burst")) })
			}
			expectNoEjection(t)
			expectSharesOfAll(t, c, cutter.fleet)
			if got, want := broken(), cutter.cuts.Load(); got < want || want < 20 {
				t.Errorf("%d broken connections are counted, and %d were cut", got, want)
			}
		})
	}
}

func TestARequestIsRepeatedOnAFreshConnectionWhereHTTPAllowsIt(t *testing.T) {
	const retryPosts = "lb_retry_match method POST\n"
	for name, c := range map[string]struct {
		method, options, body string
		repeated              bool
	}{
		"GET":                               {http.MethodGet, "", "", true},
		"DELETE":                            {http.MethodDelete, "", "", true},
		"PUT with a buffered body":          {http.MethodPut, "request_buffers 1KiB\n", "body", true},
		"PUT with a body that is gone":      {http.MethodPut, "", "body", false},
		"POST":                              {http.MethodPost, "", "", false},
		"POST, allowed":                     {http.MethodPost, retryPosts, "", true},
		"POST, allowed, buffered":           {http.MethodPost, retryPosts + "request_buffers 1KiB\n", "body", true},
		"POST with a buffered body":         {http.MethodPost, "request_buffers 1KiB\n", "body", false},
		"POST, allowed, with its body gone": {http.MethodPost, retryPosts, "body", false},
		"PATCH":                             {http.MethodPatch, "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			cutter := startCutter(t, 1)
			client := startProxy(t, pooled(cutter.fleet, c.options+roundRobin)).client()
			expectOK(t)(client.get("/"))
			var body io.Reader
			if c.body != "" {
				body = strings.NewReader(c.body)
			}
			a, err := client.send(c.method, "/cut", body)
			if err != nil {
				t.Fatal(err)
			}
			if repeated := a.status == http.StatusOK; repeated != c.repeated {
				t.Errorf("status %d, want it repeated: %v", a.status, c.repeated)
			}
			if cuts := cutter.cuts.Load(); cuts != 1 {
				t.Errorf("%d connections were cut", cuts)
			}
			if n := broken(); n != 1 {
				t.Errorf("%d broken connections are counted", n)
			}
			expectInFlight(t, nil)
		})
	}
}

func TestAnEndpointThatCutsFreshConnectionsTooFails(t *testing.T) {
	cutter := startCutter(t, 2)
	c := startProxy(t, checkedPool(cutter.fleet, ejecting, roundRobin)).client()
	cutter.every = true
	for range 20 {
		c.send(http.MethodDelete, "/cut", nil)
	}
	if len(logged.With("endpoint is ejected")) != 1 {
		t.Error("no endpoint was ejected")
	}
}
