package traffic

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// upstreamProtocol is a protocol between Caddy and backends.
type upstreamProtocol struct {
	serve     serveFunc
	transport string
}

func upstreamProtocols(c *caddytest.Certificate) map[string]upstreamProtocol {
	return map[string]upstreamProtocol{
		"HTTP/1": {serveHTTP, ""},
		"HTTP/2": {serveTLS(c), "tls\ntls_insecure_skip_verify"},
		"h2c":    {serveHTTP, "versions h2c 2"},
	}
}

func TestAStreamOutlivesTheAgeOfItsConnection(t *testing.T) {
	for name, given := range upstreamProtocols(caddytest.NewCertificate(t)) {
		t.Run(name, func(t *testing.T) {
			counts, finish := new(connectionCounts), make(chan struct{})
			fleet := startBackendsWith(t, 1, given.serve, func(b *backend, w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/stream" {
					counts.answer(b, w, r)
					return
				}
				for i := range 5 {
					fmt.Fprintf(w, "line %d\n", i)
					_ = http.NewResponseController(w).Flush()
					<-finish
				}
			})
			p := startProxy(t, poolWith(staticEndpoints(fleet, "")+"\nmax_age 1s", "transport http {\n"+given.transport+"\n}"))
			c := p.client()
			streams := make([]*bufio.Reader, 3)
			for i := range streams {
				response, err := c.Get(c.base + "/stream")
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				streams[i] = bufio.NewReader(response.Body)
			}
			send := sender(t, c, http.MethodGet)
			eventually(t, "there is a third connection", func() bool { send(); return counts.count() >= 3 })
			time.Sleep(100 * time.Millisecond)
			close(finish)
			for _, stream := range streams {
				text, err := io.ReadAll(stream)
				if want := "line 0\nline 1\nline 2\nline 3\nline 4\n"; err != nil || string(text) != want {
					t.Errorf("the stream ends with %q, %v", text, err)
				}
			}
			expectInFlight(t, nil)
		})
	}
}

// With HTTP/2 all streams are on one connection, which also has those that are not to end.
func TestManyStreamsEndWhenTheirEndpointLosesItsRoleAndOthersServeOn(t *testing.T) {
	const streams, grace = 20, 300 * time.Millisecond
	for name, given := range upstreamProtocols(caddytest.NewCertificate(t)) {
		t.Run(name, func(t *testing.T) {
			probe := "http /primary"
			if name == "HTTP/2" {
				probe += " {\ntls_insecure_skip_verify\n}"
			}
			s := newRunning()
			fleet := startBackendsWith(t, 2, given.serve, func(b *backend, w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/primary" {
					if b.name == "b0" && s.lost.Load() {
						w.WriteHeader(http.StatusServiceUnavailable)
					}
					return
				}
				s.answer(b, w, r)
			})
			lines := staticEndpoints(fleet, "", "priority 1") + fastChecks(probe, longTimeout)
			p := startProxy(t, poolWith(lines+"\nclose_on_unhealthy 300ms", "transport http {\n"+given.transport+"\n}"))
			c := p.client()
			ended := make(chan error)
			for range streams {
				response, err := c.Get(c.base + "/streams")
				if err != nil {
					t.Fatal(err)
				}
				go func() {
					defer response.Body.Close()
					_, err := io.ReadAll(response.Body)
					ended <- err
				}()
				receive(t, s.began)
			}
			lost := time.Now()
			s.lost.Store(true)
			eventually(t, "b1 serves", func() bool { return expectOK(t)(c.get("/")).backend == "b1" })
			for range streams {
				if err := receive(t, ended); err == nil {
					t.Error("a stream ended as if it were complete")
				}
				receive(t, s.ended)
			}
			if took := time.Since(lost); took < grace {
				t.Errorf("the streams ended after %s, with a grace of %s", took, grace)
			}
			s.lost.Store(false)
			eventually(t, "b0 serves again", func() bool { return expectOK(t)(c.get("/")).backend == "b0" })
			expectInFlight(t, nil)
		})
	}
}
