package traffic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// registered returns a site whose backends register themselves. The options are those of the pool.
func registered(options string) string {
	return poolWith("source registry\n"+options, roundRobin+shortKeepalive)
}

// callAdmin sends a request to the admin API. It sends it again if a reload drops the connection.
func (p *proxy) callAdmin(method, path, body string) (answer, error) {
	c := &client{&http.Client{Transport: caddytest.SingleUseTransport(p.AdminSocket())}, "http://admin"}
	var a answer
	err := io.EOF
	for try := 0; try < 5 && errors.Is(err, io.EOF); try++ {
		a, err = c.send(method, path, strings.NewReader(body))
	}
	return a, err
}

// register sends one heartbeat of a backend.
func (p *proxy) register(b *backend, ttl string) (answer, error) {
	body := fmt.Sprintf(`{"address": %q, "ttl": %q}`, b.address, ttl)
	return p.callAdmin(http.MethodPut, "/pools/web/endpoints/"+b.name, body)
}

// sendHeartbeats repeats register until the test ends or stop is called.
func (p *proxy) sendHeartbeats(b *backend, ttl string, pause time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			p.register(b, ttl)
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	p.t.Cleanup(stop)
	return stop
}

func TestBackendsServeFromRegistrationToExpiry(t *testing.T) {
	fleet := startBackends(t, 3)
	p := startProxy(t, registered(""))
	c := p.client()
	expectStatus(t, http.StatusServiceUnavailable)(c.get("/"))
	stop := p.sendHeartbeats(fleet[0], "1s", 100*time.Millisecond)
	for _, b := range fleet[1:] {
		expectStatus(t, http.StatusCreated)(p.register(b, "1h"))
	}
	awaitBackends(t, c, fleet...)
	stop()
	awaitBackends(t, c, fleet[1:]...)
	draining := fmt.Sprintf(`{"address": %q, "draining": true}`, fleet[1].address)
	expectStatus(t, http.StatusOK)(p.callAdmin(http.MethodPut, "/pools/web/endpoints/b1", draining))
	awaitBackends(t, c, fleet[2])
	expectStatus(t, http.StatusNoContent)(p.callAdmin(http.MethodDelete, "/pools/web/endpoints/b2", ""))
	expectStatus(t, http.StatusNoContent)(p.callAdmin(http.MethodDelete, "/pools/web/endpoints/b1", ""))
	eventually(t, "the pool is empty", func() bool {
		a, err := c.get("/")
		return err == nil && a.status == http.StatusServiceUnavailable
	})
}

func TestRegisteredBackendsServeAfterARestart(t *testing.T) {
	fleet := startBackends(t, 3)
	p := startProxy(t, registered(""))
	for _, b := range fleet {
		expectStatus(t, http.StatusCreated)(p.register(b, "1h"))
	}
	p.Stop()
	if _, err := p.register(fleet[0], "1h"); err == nil {
		t.Fatal("the admin API still answers")
	}
	p.run(p.text(registered("")))
	c := p.client()
	expectOK(t)(c.get("/")) // the first request already finds them
	awaitBackends(t, c, fleet...)
	expectStatus(t, http.StatusOK)(p.register(fleet[0], "1h"))
}

func TestReloadsUnderLoadKeepRegistrations(t *testing.T) {
	fleet := startBackends(t, 3)
	p := startProxy(t, registered(""))
	stop := p.sendHeartbeats(fleet[0], "3s", 50*time.Millisecond)
	for _, b := range fleet[1:] {
		expectStatus(t, http.StatusCreated)(p.register(b, "1h"))
	}
	awaitBackends(t, p.client(), fleet...)
	ctx, cancel := context.WithCancel(t.Context())
	var load sync.WaitGroup
	for range 4 {
		c := p.retryingClient()
		load.Go(func() {
			for ctx.Err() == nil {
				if a, err := c.get("/"); err != nil || a.status != http.StatusOK {
					t.Errorf("status %d, %v: %s", a.status, err, a.body)
					return
				}
			}
		})
	}
	for i := range amount(6, 2) { // each reload changes the definition of the pool
		if err := p.reload(registered(fmt.Sprintf("initial_wait %ds", i+1))); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	cancel()
	load.Wait()
	expectStatus(t, http.StatusOK)(p.register(fleet[1], "1h"))
	awaitBackends(t, p.client(), fleet[1:]...) // leases end in the newest config too
}
