package traffic

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// connectionCounts counts the connections that backends see, by the address of the other end.
type connectionCounts struct{ seen sync.Map }

func (c *connectionCounts) answer(b *backend, w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	c.seen.Store(r.RemoteAddr, true)
	writeName(b, w, r)
}

func (c *connectionCounts) count() (n int) {
	c.seen.Range(func(_, _ any) bool { n++; return true })
	return n
}

func TestConnectionsBeyondTheirAgeAreReplaced(t *testing.T) {
	certificate := caddytest.NewCertificate(t)
	for name, given := range map[string]struct {
		serve     serveFunc
		transport string
	}{
		"HTTP/1":         {serveHTTP, ""},
		"HTTP/1 and TLS": {serveTLS(certificate), "versions 1.1\ntls\ntls_insecure_skip_verify"},
		"HTTP/2":         {serveTLS(certificate), "tls\ntls_insecure_skip_verify"},
		"h2c":            {serveHTTP, "versions h2c 2"},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			t.Run(name+" "+method, func(t *testing.T) {
				counts := new(connectionCounts)
				fleet := startBackendsWith(t, 1, given.serve, counts.answer)
				p := startProxy(t, poolWith(staticEndpoints(fleet, "")+"\nmax_age 1s", "transport http {\n"+given.transport+"\n}"))
				send := sender(t, p.client(), method)
				send()
				for range 100 {
					send()
				}
				if n := counts.count(); n != 1 {
					t.Fatalf("%d connections were made for requests one after the other", n)
				}
				eventually(t, "there is a third connection", func() bool { send(); return counts.count() == 3 })
			})
		}
	}
}

func sender(t *testing.T, c *client, method string) func() {
	return func() {
		t.Helper()
		var body io.Reader
		if method == http.MethodPost {
			body = strings.NewReader("a body")
		}
		expectOK(t)(c.send(method, "/", body))
	}
}

func TestNoRequestFailsAsConnectionsAreReplaced(t *testing.T) {
	for name, transport := range map[string]string{"HTTP/1": "", "HTTP/2": "versions h2c 2"} {
		t.Run(name, func(t *testing.T) {
			counts := new(connectionCounts)
			fleet := startBackends(t, 2, counts.answer)
			p := startProxy(t, poolWith(staticEndpoints(fleet, "", "")+"\nmax_age 1s", "transport http {\n"+transport+"\n}"))
			load := startLoad(t, p)
			var first atomic.Int64
			eventually(t, "all connections were replaced", func() bool {
				if first.Load() == 0 {
					first.Store(int64(counts.count()))
				}
				load.awaitDone(t, 100)
				return int64(counts.count()) >= 2*max(first.Load(), 2)
			})
			if failed := load.stopAndCount(t); failed > 0 {
				t.Errorf("%d requests failed", failed)
			}
		})
	}
}

func TestConnectionsStayWithoutAMaximumAge(t *testing.T) {
	counts := new(connectionCounts)
	p := startProxy(t, poolWith(staticEndpoints(startBackends(t, 1, counts.answer), ""), ""))
	send := sender(t, p.client(), http.MethodGet)
	for end := time.Now().Add(1500 * time.Millisecond); time.Now().Before(end); {
		send()
	}
	if n := counts.count(); n != 1 {
		t.Errorf("%d connections were made", n)
	}
}

func TestMaxAgeNeedsATransportWhoseConnectionsAreKnown(t *testing.T) {
	p := &proxy{Caddy: caddytest.New(t), t: t}
	p.run(p.text("respond ok"))
	for transport, want := range map[string]string{
		"transport fastcgi":                    "max_age: needs the transport http",
		"transport http {\nversions 3\ntls\n}": "max_age: needs the transport http",
		"transport http {\ntls_server_name {http.reverse_proxy.upstream.host}\n}": "max_age: needs the transport http",
	} {
		err := p.reloadAlone(poolWith("source static 127.0.0.1:1\nmax_age 5m", transport))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", transport, err)
		}
	}
}
