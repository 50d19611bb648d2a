package traffic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/caddy-balance/caddy-balance/internal/limit"
)

func TestRequestsWaitForAnEndpointThatIsFull(t *testing.T) {
	for policy, line := range withCaddys(ourPolicies) {
		for _, kind := range []string{"max_requests of a pool", "unhealthy_request_count of a pool"} {
			t.Run(policy+"/"+kind, func(t *testing.T) {
				blocking := newBlockingHandler()
				fleet := startBackends(t, 3, blocking.serve)
				upstreams := strings.Replace(limited(fleet)[kind], "{\nsource", "{\nqueue 20 1h\nsource", 1)
				c := startProxy(t, fmt.Sprintf("reverse_proxy {\n%s\n%s\n}", upstreams, line)).client()
				done := make(chan error)
				for i := range 20 {
					go func() { done <- getOne(c, i) }()
				}
				for range 6 {
					receive(t, blocking.arrived)
				}
				for range 14 {
					blocking.release <- struct{}{}
					receive(t, blocking.arrived)
				}
				close(blocking.release)
				for range 20 {
					if err := receive(t, done); err != nil {
						t.Error(err)
					}
				}
				fleet.expectAtMost(t, 2)
			})
		}
	}
}

// Caddy counts requests too, for its own policies and passive checks, and ends that count after the
// request.
func TestAClientThatGoesAwayMakesRoomAtItsEndpoint(t *testing.T) {
	for name, lines := range map[string][2]string{
		"pool":             {"max_requests 1", ""},
		"policy of Caddy":  {"max_requests 1", "lb_policy random"},
		"passive":          {"", "unhealthy_request_count 1"},
		"passive and list": {"", "unhealthy_request_count 1\nlb_policy random"},
	} {
		t.Run(name, func(t *testing.T) {
			blocking := newBlockingHandler()
			fleet := startBackends(t, 1, blocking.serve)
			c := startProxy(t, gated(fleet, lines[0]+"\nqueue 10 1h", lines[1])).client()
			for range 10 {
				leave := leaving(t, c)
				left := receive(t, blocking.arrived)
				done := make(chan error, 1)
				go func() { done <- getOne(c, 0) }()
				awaitGate(t, 1, 1)
				leave()
				receive(t, left.Context().Done()) // else its handler could take the release below
				receive(t, blocking.arrived)
				blocking.release <- struct{}{}
				if err := receive(t, done); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// leaving sends a request, and returns what makes its client go away.
func leaving(t *testing.T, c *client) (leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base, nil)
	if err != nil {
		t.Fatal(err)
	}
	left := make(chan error, 1)
	go func() { _, err := c.do(r); left <- err }()
	return func() {
		t.Helper()
		cancel()
		if err := receive(t, left); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}

func TestANewEndpointServesRequestsThatWait(t *testing.T) {
	blocking := newBlockingHandler()
	fleet := startBackends(t, 2, blocking.serve)
	list := newListFile(t)
	write := func(backends ...*backend) {
		var entries []string
		for _, b := range backends {
			entries = append(entries, fmt.Sprintf(`{"address": %q, "max_requests": 1}`, b.address))
		}
		list.replace([]byte("[" + strings.Join(entries, ",") + "]"))
	}
	write(fleet[0])
	site := strings.Replace(list.site(""), "\n}", "\nqueue 10 1h\n}", 1)
	c := startProxy(t, site).client()
	done := make(chan error)
	for range 2 {
		go func() { done <- getOne(c, 0) }()
	}
	receive(t, blocking.arrived)
	awaitGate(t, 1, 1)
	write(fleet...)
	receive(t, blocking.arrived)
	close(blocking.release)
	for range 2 {
		if err := receive(t, done); err != nil {
			t.Error(err)
		}
	}
}

func TestAnUpgradedConnectionHoldsItsPlaceUntilItIsClosed(t *testing.T) {
	fleet := startBackends(t, 1, streaming)
	c := startProxy(t, gated(fleet, "max_in_flight 1", "")).client()
	c.Timeout = 0
	conn := openSocket(t, c)
	awaitGate(t, 1, 0)
	expectRefused(t)(c.get("/"))
	conn.Close(websocket.StatusNormalClosure, "")
	awaitGate(t, 0, 0)
}

func TestARequestKeepsItsPlaceThroughRetries(t *testing.T) {
	blocking := newBlockingHandler()
	var broken atomic.Bool
	fleet := startBackends(t, 2, func(_ *backend, w http.ResponseWriter, r *http.Request) {
		blocking.wait(r)
		if !broken.Swap(true) {
			closeConnection(w)
			return
		}
		io.WriteString(w, "well")
	})
	c := startProxy(t, gated(fleet, "max_in_flight 1\nqueue 10 1h", "lb_retries 3")).client()
	done := make(chan answer)
	go func() { a, _ := c.get("/breaks"); done <- a }()
	receive(t, blocking.arrived)
	inOrder(t, c, 1, 0, "waits")
	blocking.release <- struct{}{}
	if r := receive(t, blocking.arrived); r.URL.Path != "/breaks" {
		t.Fatalf("%s came before the retry", r.URL.Path)
	}
	close(blocking.release)
	if a := receive(t, done); a.body != "well" {
		t.Errorf("got %+v", a)
	}
}

// unkept closes connections, because those of a request that outlives its config stay for minutes.
const unkept = "transport http {\nkeepalive off\n}"

func TestRequestsWaitThroughAReload(t *testing.T) {
	blocking := newBlockingHandler()
	fleet := startBackends(t, 1, blocking.serve)
	p := startProxy(t, gated(fleet, "max_in_flight 1\nqueue 10 1h", unkept))
	c := p.client()
	done := make(chan error)
	go func() { done <- getOne(c, 0) }()
	receive(t, blocking.arrived)
	go func() { done <- getOne(c, 0) }()
	awaitGate(t, 1, 1)
	if err := p.reload(gated(fleet, "max_in_flight 2\nqueue 10 1h", ""), "respond other"); err != nil {
		t.Fatal(err)
	}
	receive(t, blocking.arrived) // the new config has a place for it
	awaitGate(t, 2, 0)
	close(blocking.release)
	for range 2 {
		if err := receive(t, done); err != nil {
			t.Error(err)
		}
	}
}

func TestAnAuthorizationHoldsItsPlaceOnlyWhileItIsAnswered(t *testing.T) {
	blocking := newBlockingHandler()
	auth := startBackends(t, 1, func(_ *backend, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent) // Caddy reads no body, and closes it only at the end
	})
	fleet := startBackends(t, 1, blocking.serve)
	c := startProxy(t, fmt.Sprintf(`reverse_proxy {
		dynamic pool web {
			source static %s
			max_in_flight 1
		}
		method GET
		rewrite /auth
		@good status 2xx
		handle_response @good {
			vars ok 1
		}
	}
	reverse_proxy {
		dynamic pool app {
			source static %s
		}
	}`, auth, fleet)).client()
	done := make(chan error)
	for range 2 {
		go func() { done <- getOne(c, 0) }()
		receive(t, blocking.arrived)
	}
	awaitGate(t, 0, 0)
	close(blocking.release)
	for range 2 {
		if err := receive(t, done); err != nil {
			t.Error(err)
		}
	}
}

func TestAfterAStormAtAFullGateNothingIsLeft(t *testing.T) {
	fleet := startBackends(t, 3, func(b *backend, w http.ResponseWriter, _ *http.Request) {
		time.Sleep(time.Millisecond)
		io.WriteString(w, b.name)
	})
	site := gated(fleet, "max_in_flight 4\nqueue 6 20ms", "lb_retries 4"+shortKeepalive)
	s := &storm{t: t, fleet: fleet, seed: newSeed(t), proxy: startProxy(t, site)}
	during(func() {
		sendFor(t, amount(4, 1), retryingClients(s.proxy, 20), func(c *client, _ int) error {
			a, err := c.get("/")
			if err == nil && a.status != http.StatusOK && a.status != http.StatusServiceUnavailable {
				err = fmt.Errorf("status %d", a.status)
			}
			return err
		})
	}, every{
		80 * time.Millisecond: func() {
			s.reloads++
			if err := s.proxy.reloadAlone(fmt.Sprintf("%s\nheader X-Config %d", site, s.reloads)); err != nil {
				t.Error(err)
			}
		},
		time.Millisecond:      s.abandonRequest(),
		40 * time.Millisecond: s.killAndRestart,
	})
	if shed := gateOf(t).Shed(limit.Normal); shed == 0 {
		t.Error("the gate was never full")
	}
	awaitGate(t, 0, 0)
}
