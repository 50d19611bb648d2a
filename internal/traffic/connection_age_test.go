package traffic

import (
	"fmt"
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
type connectionCounts struct {
	seen sync.Map
	ends atomic.Int64 // HTTP/1.1 requests that ask for the end of their connection
}

func (c *connectionCounts) answer(b *backend, w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	c.seen.Store(r.RemoteAddr, r.ProtoMajor)
	if r.ProtoMajor == 1 && r.Close {
		c.ends.Add(1)
	}
	writeName(b, w, r)
}

func (c *connectionCounts) count() (n int) {
	c.seen.Range(func(_, _ any) bool { n++; return true })
	return n
}

// replaced returns how many connections were replaced. With HTTP/1.1 requests ask for that: on a
// busy machine net/http gives up connections by itself, whose request it takes too long to write.
func (c *connectionCounts) replaced() int {
	n := 0
	c.seen.Range(func(_, major any) bool {
		if major == 2 {
			n++
		}
		return true
	})
	return max(n-1, 0) + int(c.ends.Load())
}

// aged is a site whose connections to its backend have a maximum age.
type aged struct {
	name, method string
	counts       *connectionCounts
	site         string
	began        time.Time
	send         func()
}

// agedSites returns a site for each protocol and method. They share a proxy, because each takes two
// seconds.
func agedSites(t *testing.T) (all []*aged) {
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
			counts := new(connectionCounts)
			fleet := startBackendsWith(t, 1, given.serve, counts.answer)
			site := fmt.Sprintf("reverse_proxy {\ndynamic pool web%d {\nsource static %s\nmax_age 1s\n}\ntransport http {\n%s\n}\n}",
				len(all), fleet, given.transport)
			all = append(all, &aged{name: name + " " + method, method: method, counts: counts, site: site})
		}
	}
	return all
}

func TestConnectionsBeyondTheirAgeAreReplaced(t *testing.T) {
	all := agedSites(t)
	var sites []string
	for _, a := range all {
		sites = append(sites, a.site)
	}
	p := startProxy(t, sites...)
	for i, a := range all {
		a.send = sender(t, p.client(i), a.method)
		a.began = time.Now()
		for range 30 {
			a.send()
		}
		// A busy machine may take so long that the first connection has reached its age.
		if n := a.counts.replaced(); n > 0 && time.Since(a.began) < 900*time.Millisecond {
			t.Errorf("%s: %d connections were replaced before their age", a.name, n)
		}
	}
	eventually(t, "each has replaced two connections", func() bool {
		done := true
		for _, a := range all {
			if a.counts.replaced() < 2 {
				a.send()
				done = false
			}
		}
		return done
	})
	for _, a := range all {
		if took := time.Since(a.began); took < 1800*time.Millisecond {
			t.Errorf("%s: two connections were replaced within %s", a.name, took)
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
	if n := counts.replaced(); n > 0 {
		t.Errorf("%d connections were replaced", n)
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
