package traffic

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// TestAnEndpointThatBreaksOffItsAnswersIsAvoided has one backend that sends the header at once and
// half of the body, and others that take their time.
func TestAnEndpointThatBreaksOffItsAnswersIsAvoided(t *testing.T) {
	for _, kind := range []string{"a pool", "static"} {
		t.Run(kind, func(t *testing.T) {
			f := startBackends(t, 3, func(b *backend, w http.ResponseWriter, r *http.Request) {
				if b.name != "b1" {
					time.Sleep(2 * time.Millisecond)
					writeName(b, w, r)
					return
				}
				w.Header().Set("Content-Length", "1000")
				io.WriteString(w, "half")
				http.NewResponseController(w).Flush()
				closeConnection(w)
			})
			p := startProxy(t, fmt.Sprintf("reverse_proxy {\n%s\nlb_policy adaptive_latency\n}", upstreamsOf(f)[kind]))
			c := p.client()
			broken := func(n int) int64 {
				var count atomic.Int64
				flood(12, n, func(int) {
					if _, err := c.get("/"); err != nil {
						count.Add(1)
					}
				})
				return count.Load()
			}
			broken(100)
			// It is tried again within each decay of ten seconds, by a few requests at a time.
			if n := broken(900); n > 30 {
				t.Errorf("%d of 900 answers broke off, a third would be 300", n)
			}
		})
	}
}
