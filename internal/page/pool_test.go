package page

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// site is the Caddyfile of a site with a pool of these backends, which are checked, and with the
// page.
func (p *proxy) siteWith(page string, backends ...string) string {
	return fmt.Sprintf(`http://%s {
	%s
	reverse_proxy {
		dynamic pool web {
			source static %s
			health {
				probe http /
				interval 100ms
				rise 1
				fall 1
			}
		}
	}
}
`, p.site, page, strings.Join(backends, " "))
}

// backend is a server that can go and come back at its address.
type backend struct {
	t       *testing.T
	address string

	mu     sync.Mutex
	server *http.Server
}

func startBackend(t *testing.T) *backend {
	t.Helper()
	b := &backend{t: t, address: freeAddress(t)}
	b.start()
	t.Cleanup(b.stop)
	return b
}

func (b *backend) start() {
	b.t.Helper()
	listener, err := net.Listen("tcp", b.address)
	if err != nil {
		b.t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.server = server
	go server.Serve(listener)
}

func (b *backend) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.server.Close()
}

// startPool starts a Caddy with the page and a pool of two backends.
func startPool(t *testing.T, page string) (p *proxy, backends []*backend) {
	t.Helper()
	p = newProxy(t)
	backends = []*backend{startBackend(t), startBackend(t)}
	p.write(p.options("") + p.siteWith(page, backends[0].address, backends[1].address))
	p.start()
	return p, backends
}

func (p *proxy) page() string { return "http://" + p.site + "/pools/" }

const withControl = "pool_status {\n\t\tcontrol\n\t}"
