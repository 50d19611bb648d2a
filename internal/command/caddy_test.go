package command_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// site has a pool "web" over some backends, on a socket.
const site = `
http:// {
	bind unix/%s
	reverse_proxy {
		dynamic pool web {
			source static %s
			health {
				probe tcp
				interval 100ms
				rise 1
			}
		}
		lb_policy adaptive_latency
	}
}
`

// startCaddy starts a Caddy with a pool, and returns it and the address of its admin endpoint.
func startCaddy(t *testing.T, backends ...string) (c *caddytest.Caddy, address string) {
	t.Helper()
	c = caddytest.New(t)
	c.Start(c.GlobalOptions("") + fmt.Sprintf(site, c.SiteSocket(0), strings.Join(backends, " ")))
	t.Cleanup(c.Stop)
	return c, "unix/" + c.AdminSocket()
}

// TestTheCommandSteersACaddy calls the commands one after another. It holds what they read and
// write against the real admin API.
func TestTheCommandSteersACaddy(t *testing.T) {
	release, arrived := make(chan struct{}), make(chan struct{}, 1)
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	}))
	t.Cleanup(slow.Close)
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	first, second := slow.Listener.Addr().String(), other.Listener.Addr().String()
	c, address := startCaddy(t, first, second)
	answer := sync.OnceFunc(func() { close(release) })
	t.Cleanup(answer)
	step := func(code int, want, args string) result {
		t.Helper()
		got := pools(address, strings.Fields(args)...)
		if got.code != code || !strings.Contains(got.out+got.err, want) {
			t.Fatalf("%s: code %d\n%s%s\nwant %d, %s", args, got.code, got.out, got.err, code, want)
		}
		return got
	}
	step(0, "2 of 2 endpoints usable", "wait web --usable 2")
	step(0, "web   healthy", "list")
	step(0, "source static: live, 2 in its list", "show web")
	step(0, first+"\n", "show web -q")

	// A request is in flight at the first endpoint, which drains.
	step(0, "draining", "drain web "+second)
	go (&http.Client{Transport: caddytest.SingleUseTransport(c.SiteSocket(0))}).Get("http://site/slow")
	<-arrived
	step(0, "", "clear web "+second)
	step(0, first+": draining", "drain web "+first+" --reason deploy --until 15m")
	step(0, "1; 1 waiting for the first byte", "show web "+first)
	step(0, "an operator says so: deploy", "show web "+first)
	step(6, "1 request in flight", "wait web "+first+" --idle --timeout 1ms")
	answer()
	step(0, "0 requests in flight", "wait web "+first+" --idle")
	step(7, "last usable", "drain web "+second)
	step(0, "maintenance", "maintenance web "+second+" --force")
	step(0, "", "clear web "+second)
	step(0, second+": nothing was set", "clear web "+second)
	caddytest.Eventually(t, time.Minute, "the policy has the new list", func() bool {
		return strings.Contains(pools(address, "explain", "web", "/x").out, "adaptive_latency picks "+second)
	})
	step(0, "weight 3", "weight web "+second+" 3")
	step(0, "an operator set 3", "show web "+second)
	step(0, "weight 3 until cleared, by a unix socket", "show web "+second)
	step(0, "GET /slow", "routes web")
	step(0, "No policy of the pool has groups", "groups web")
	step(0, "", "reset web "+first)
	step(0, "now 2 endpoints", "history web")

	// Back to the first list, and free again.
	var entries []struct {
		Revision uint64
		Rollback bool
	}
	if err := json.Unmarshal([]byte(step(0, "", "history web --json").out), &entries); err != nil {
		t.Fatal(err)
	}
	revision := entries[len(entries)-1].Revision
	step(0, "keeps the endpoints of revision", fmt.Sprint("rollback web ", revision))
	step(0, fmt.Sprint("at revision ", revision), "list")
	step(2, "are not known", "rollback web 999999")
	step(0, "", "release web")
	step(2, "not frozen", "release web")
	step(4, "the config has web", "show other")
	step(5, "has no endpoint", "ready web 127.0.0.1:1")
}

func TestWatchPrintsWhatHappensToACaddy(t *testing.T) {
	backend := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(backend.Close)
	one := backend.Listener.Addr().String()
	_, address := startCaddy(t, one)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	lines, errs := new(untilLine), new(bytes.Buffer)
	lines.wanted, lines.found = "override "+one+" weight ", cancel
	var wg sync.WaitGroup
	wg.Go(func() {
		// Which change is the first that the stream shows depends on when it begins.
		for weight := 1; ctx.Err() == nil; weight++ {
			pools(address, "weight", "web", one, fmt.Sprint(weight))
		}
	})
	code := poolsUntil(ctx, lines, errs, address, "watch", "web")
	wg.Wait()
	if code != 0 || ctx.Err() != context.Canceled || errs.Len() > 0 {
		t.Errorf("code %d, %v: %s%s", code, ctx.Err(), &lines.Buffer, errs)
	}
}

// untilLine is output that calls found once it contains a text.
type untilLine struct {
	bytes.Buffer
	wanted string
	found  func()
}

func (u *untilLine) Write(p []byte) (int, error) {
	n, err := u.Buffer.Write(p)
	if strings.Contains(u.String(), u.wanted) {
		u.found()
	}
	return n, err
}
