package traffic

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

func TestClientsOfEveryFrontProtocolLeaveTheQueue(t *testing.T) {
	blocking := newBlockingHandler()
	fleet := startBackends(t, 1, blocking.serve)
	site := gated(fleet, "max_in_flight 2\nmax_requests 1\nqueue 10 1h", "")
	forEveryFrontProtocol(t, site, func(t *testing.T, _ frontProtocol, c *client) {
		ask := func() (leave func(), done chan error) {
			ctx, cancel := context.WithCancel(t.Context())
			request, _ := http.NewRequestWithContext(ctx, http.MethodGet, c.base, nil)
			done = make(chan error, 1)
			go func() { _, err := c.do(request); done <- err }()
			return cancel, done
		}
		leaveFirst, first := ask()
		arrived := receive(t, blocking.arrived)
		leaveSecond, second := ask()
		awaitGate(t, 1, 1)
		_, third := ask()
		awaitGate(t, 1, 2)
		leaveSecond() // waits for the endpoint
		receive(t, second)
		awaitGate(t, 1, 1)
		leaveFirst() // is at the endpoint
		receive(t, first)
		receive(t, arrived.Context().Done()) // else its handler could take the release below
		receive(t, blocking.arrived)         // the third
		awaitGate(t, 1, 0)
		blocking.release <- struct{}{}
		if err := receive(t, third); err != nil {
			t.Error(err)
		}
		awaitGate(t, 0, 0)
	})
}

// Clients leave at any moment: before they wait, as they are let in, and while they are served.
func TestAfterClientsOfEveryFrontProtocolHaveLeftNothingIsLeft(t *testing.T) {
	fleet := startBackends(t, 2, func(b *backend, w http.ResponseWriter, r *http.Request) {
		time.Sleep(2 * time.Millisecond)
		writeName(b, w, r)
	})
	site := gated(fleet, "max_in_flight 3\nmax_requests 2\nqueue 10 50ms", "lb_try_duration 100ms\nlb_try_interval 1ms")
	forEveryFrontProtocol(t, site, func(t *testing.T, _ frontProtocol, c *client) {
		expectOK(t)(c.get("/")) // opens the connection of HTTP/3, else a client that leaves ends it for others
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				for n := range amount(40, 10) {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration((i+n)%12)*time.Millisecond)
					request, _ := http.NewRequestWithContext(ctx, http.MethodGet, c.base, nil)
					a, err := c.do(request)
					if cancel(); err == nil && a.status != http.StatusOK && a.status != http.StatusServiceUnavailable {
						t.Error(fmt.Sprint("status ", a.status))
					}
				}
			})
		}
		all.Wait()
		awaitGate(t, 0, 0)
		expectInFlight(t, nil)
		expectOK(t)(c.get("/"))
	})
}
