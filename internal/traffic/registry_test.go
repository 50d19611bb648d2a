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
)

// registered is a site whose backends register themselves.
func registered(options string) string {
	return fmt.Sprintf("reverse_proxy {\ndynamic pool web {\nsource registry\n%s\n}\n%s\n}", options, roundRobin+shortKeepalive)
}

// ask sends a request to the admin API, again if a reload drops it.
func (p *proxy) ask(method, path, body string) (answer, error) {
	c := &client{&http.Client{Transport: &http.Transport{DialContext: dialer("unix", p.admin()), DisableKeepAlives: true}}, "http://admin"}
	var a answer
	err := io.EOF
	for try := 0; try < 5 && errors.Is(err, io.EOF); try++ {
		a, err = c.send(method, path, strings.NewReader(body))
	}
	return a, err
}

// register is one heartbeat of a backend.
func (p *proxy) register(b *backend, ttl string) (answer, error) {
	return p.ask(http.MethodPut, "/pools/web/endpoints/"+b.name, fmt.Sprintf(`{"address": %q, "ttl": %q}`, b.address, ttl))
}

// beat repeats that until the test ends or stop is called.
func (p *proxy) beat(b *backend, ttl string, pause time.Duration) (stop func()) {
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

func TestBackendsServeFromTheirRegistrationToTheirLastHeartbeat(t *testing.T) {
	fleet := startBackends(t, 3)
	p := startProxy(t, registered(""))
	c := p.client()
	expect(t, http.StatusServiceUnavailable)(c.get("/"))
	stop := p.beat(fleet[0], "1s", 100*time.Millisecond)
	for _, b := range fleet[1:] {
		expect(t, http.StatusCreated)(p.register(b, "1h"))
	}
	settle(t, c, fleet...)
	stop()
	settle(t, c, fleet[1:]...)
	expect(t, http.StatusOK)(p.ask(http.MethodPut, "/pools/web/endpoints/b1", fmt.Sprintf(`{"address": %q, "draining": true}`, fleet[1].address)))
	settle(t, c, fleet[2])
	expect(t, http.StatusNoContent)(p.ask(http.MethodDelete, "/pools/web/endpoints/b2", ""))
	expect(t, http.StatusNoContent)(p.ask(http.MethodDelete, "/pools/web/endpoints/b1", ""))
	eventually(t, "the pool is empty", func() bool {
		a, err := c.get("/")
		return err == nil && a.status == http.StatusServiceUnavailable
	})
}

func TestRegisteredBackendsServeAfterARestart(t *testing.T) {
	fleet := startBackends(t, 3)
	p := startProxy(t, registered(""))
	for _, b := range fleet {
		expect(t, http.StatusCreated)(p.register(b, "1h"))
	}
	p.stop()
	if _, err := p.register(fleet[0], "1h"); err == nil {
		t.Fatal("Caddy has not stopped")
	}
	p.run(p.text(registered("")))
	c := p.client()
	must(t)(c.get("/")) // from the first request on
	settle(t, c, fleet...)
	expect(t, http.StatusOK)(p.register(fleet[0], "1h"))
}

func TestReloadsUnderLoadKeepWhatIsRegistered(t *testing.T) {
	fleet := startBackends(t, 3)
	p := startProxy(t, registered(""))
	stop := p.beat(fleet[0], "3s", 50*time.Millisecond)
	for _, b := range fleet[1:] {
		expect(t, http.StatusCreated)(p.register(b, "1h"))
	}
	settle(t, p.client(), fleet...)
	ctx, cancel := context.WithCancel(t.Context())
	var load sync.WaitGroup
	for range 4 {
		c := p.resending()
		load.Go(func() {
			for ctx.Err() == nil {
				if a, err := c.get("/"); err != nil || a.status != http.StatusOK {
					t.Errorf("status %d, %v: %s", a.status, err, a.body)
					return
				}
			}
		})
	}
	for i := range amount(6, 2) { // each changes the pool's definition
		if err := p.reload(registered(fmt.Sprintf("initial_wait %ds", i+1))); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	cancel()
	load.Wait()
	expect(t, http.StatusOK)(p.register(fleet[1], "1h"))
	settle(t, p.client(), fleet[1:]...) // the leases end in the newest config as in the first
}

func TestTheAdminAPISaysWhatBecameOfARegistration(t *testing.T) {
	p := startProxy(t, "reverse_proxy {\ndynamic pool web {\nsource registry {\nmax_ttl 1m\nmax_endpoints 2\n}\n}\n}", "reverse_proxy {\ndynamic pool \"a/b c\" {\nsource registry\n}\n}",
		"reverse_proxy {\ndynamic pool listed {\nsource static 127.0.0.1:1\n}\n}")
	const one, good = "/pools/web/endpoints/one", `{"address": "127.0.0.1:1"}`
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/pools/web/endpoints", "", 200, "[]\n"},
		{"GET", one, "", 404, `pool \"web\" has no endpoint that registered as \"one\"`},
		{"DELETE", one, "", 404, "has no endpoint that registered"},
		{"PUT", one, good, 201, `{"address":"127.0.0.1:1","weight":1,"id":"one","ttl":"30s","expires":"2`},
		{"PUT", one, good, 200, `"ttl":"30s"`},
		{"GET", one, "", 200, `{"address":"127.0.0.1:1","weight":1,"id":"one","ttl":"30s","expires":"2`},
		{"PUT", one, `{"address": "127.0.0.1:1", "wieght": 2}`, 400, `body: unknown field \"wieght\"; the fields are address,`},
		{"PUT", one, `{"address": "127.0.0.1:1", "ttl": "2m"}`, 400, "ttl: 2m0s is not between 1s and 1m0s"},
		{"PUT", one, `{"address": "127.0.0.1:1", "id": "two"}`, 400, `id: \"two\" is not that of the path, which is \"one\"`},
		{"PUT", one, `{"address": ":80"}`, 400, "has no host"},
		{"PUT", one, "", 400, "body: is empty"},
		{"PUT", one, strings.Repeat(" ", 65537), 413, "more than 65536 bytes"},
		{"PUT", "/pools/web/endpoints/two", `{"address": "127.0.0.1:2"}`, 201, "two"},
		{"PUT", "/pools/web/endpoints/three", `{"address": "127.0.0.1:3"}`, 507, "the pool has its most endpoints"},
		{"PUT", "/pools/web/endpoints/three", good, 201, "three"}, // takes one's address over
		{"GET", one, "", 404, "has no endpoint"},
		{"POST", one, good, 405, ""},
		{"PUT", "/pools/web/endpoints", good, 405, ""},
		{"PUT", "/pools/web/endpoints/", good, 404, ""},
		{"PUT", "/pools/other/endpoints/one", good, 404, `there is no pool \"other\" with a registry source`},
		{"PUT", "/pools/listed/endpoints/one", good, 404, `there is no pool \"listed\" with a registry source`},
		{"PUT", "/pools/a%2Fb%20c/endpoints/x%2Fy", good, 201, `"id":"x/y"`},
		{"GET", "/pools/a%2Fb%20c/endpoints", "", 200, `"id":"x/y"`},
		{"DELETE", "/pools/a%2Fb%20c/endpoints/x%2Fy", "", 204, ""},
	} {
		a, err := p.ask(c.method, c.path, c.body)
		if err != nil || a.status != c.status || !strings.Contains(a.body, c.want) {
			t.Errorf("%s %s %.60s: %d %s%v, want %d %s", c.method, c.path, c.body, a.status, a.body, err, c.status, c.want)
		}
		if allow := a.header.Get("Allow"); c.status == 405 && !strings.Contains(allow, "GET") {
			t.Errorf("%s %s allows %q", c.method, c.path, allow)
		}
	}
}
