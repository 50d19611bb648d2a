package layer4_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// patience limits the wait for what does not come. It is far more than anything takes.
const patience = time.Minute

// front is a Caddy with one server for layer 4, whose only handler is a pool.
type front struct {
	*testing.T
	caddy   *caddytest.Caddy
	address string
	network string // before the address in the config
}

func newFront(t *testing.T) *front {
	f := &front{T: t, caddy: caddytest.New(t), address: caddytest.FreeAddress(t)}
	t.Cleanup(f.caddy.Stop)
	return f
}

// config is the config with these lines in the pool's block.
func (f *front) config(options string) string {
	return f.route(fmt.Sprintf("pool test {\n%s\n}", options))
}

func (f *front) route(handlers string) string {
	return f.caddy.GlobalOptions(fmt.Sprintf("layer4 {\n%s%s {\nroute {\n%s\n}\n}\n}", f.network, f.address, handlers))
}

func (f *front) start(options string) {
	f.Helper()
	f.caddy.Start(f.config(options))
}

func (f *front) reload(options string) {
	f.Helper()
	if err := f.caddy.Reload(f.caddy.Adapt(f.config(options))); err != nil {
		f.Fatal(err)
	}
}

// inOrder is a source whose first endpoint is the first one of weighted_first, and so on.
func inOrder(addresses ...any) string {
	var text strings.Builder
	text.WriteString("policy weighted_first\nsource static {\n")
	for i, address := range addresses {
		fmt.Fprintf(&text, "endpoint %s {\nweight %d\n}\n", address, len(addresses)-i)
	}
	return text.String() + "}\n"
}

// wantInFlight waits until this many connections have a place at an endpoint of the pool.
func (f *front) wantInFlight(want int) {
	f.Helper()
	caddytest.Eventually(f, patience, fmt.Sprint(want, " in flight"), func() bool {
		r := endpoint.Current("test")
		if r == nil || r.InFlight() != want {
			return false
		}
		sum := 0
		for _, m := range r.Snapshot().Members {
			sum += m.InFlight()
		}
		return sum == want
	})
}

// wantHalfCloseAt fails unless a client has the rest of the answer of a backend after it has closed
// its side.
func (f *front) wantHalfCloseAt(name string) {
	f.Helper()
	c := connect(f.T, f.address)
	c.wantAnswerBy(name)
	c.Conn.(*net.TCPConn).CloseWrite()
	if rest, err := io.ReadAll(c.lines); err != nil || !strings.HasPrefix(string(rest), name+" got ") {
		f.Errorf("after the client has closed its side: %q, %v", rest, err)
	}
	f.wantInFlight(0)
}
