package traffic

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
)

// keepUpgraded upgrades a connection and keeps it until the other side ends it.
func keepUpgraded(w http.ResponseWriter, upgraded func()) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n")
	upgraded()
	io.Copy(io.Discard, conn)
}

// openSockets opens n connections that stay idle, and returns how many each backend has.
func (o *openBackends) openSockets(t *testing.T, p *proxy, n int) map[string]int {
	t.Helper()
	counts := make(map[string]int)
	for range n {
		counts[o.open(t, p.SiteSocket(0), "GET /ws?as=socket", "Connection: Upgrade", "Upgrade: chat")]++
	}
	return counts
}

// expectApart expects that the numbers of three backends differ by no more than most.
func expectApart(t *testing.T, counts map[string]int, most int) {
	t.Helper()
	a, b, c := counts["b0"], counts["b1"], counts["b2"]
	if max(a, b, c)-min(a, b, c) > most {
		t.Errorf("the backends have %v, which differ by more than %d", counts, most)
	}
}

// sendQuick sends quick requests from n clients until stop is called, which returns their number.
func sendQuick(t *testing.T, p *proxy, n int) (stop func() int64) {
	t.Helper()
	var stopped atomic.Bool
	var sent atomic.Int64
	var all sync.WaitGroup
	for range n {
		c := p.client()
		all.Go(func() {
			for !stopped.Load() {
				if a, err := c.get(fmt.Sprint("/items/", sent.Add(1))); err != nil || a.status != http.StatusOK {
					t.Errorf("status %d, %v", a.status, err)
					return
				}
			}
		})
	}
	stop = sync.OnceValue(func() int64 { stopped.Store(true); all.Wait(); return sent.Load() })
	t.Cleanup(func() { stop() })
	return stop
}

func TestIdleSocketsAreSpreadEvenly(t *testing.T) {
	for _, kind := range []string{"a pool", "static"} {
		t.Run(kind, func(t *testing.T) {
			o := startOpenBackends(t, 3)
			p := startProxy(t, sitesWithPlacement(o.fleet)[kind]...)
			expectApart(t, o.openSockets(t, p, 20), 2)
			expectSpread(t, p, o.fleet, "beside sockets")
		})
	}
}

func TestIdleSocketsAreSpreadEvenlyWhileQuickRequestsFlow(t *testing.T) {
	for _, kind := range []string{"a pool", "static"} {
		t.Run(kind, func(t *testing.T) {
			o := startOpenBackends(t, 3)
			p := startProxy(t, sitesWithPlacement(o.fleet)[kind]...)
			stop := sendQuick(t, p, 3)
			counts := o.openSockets(t, p, 20)
			stop()
			// A socket goes to where the fewest requests are in flight. Three of them are quick, so
			// that the endpoint has at most three sockets more than another before it gets one.
			expectApart(t, counts, 4)
			expectSpread(t, p, o.fleet, "beside sockets")
		})
	}
}
