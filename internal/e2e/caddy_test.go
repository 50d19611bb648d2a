package e2e

import (
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// proxy is a Caddy with one site, which listens on a Unix socket.
type proxy struct {
	*caddytest.Caddy
	t       *testing.T
	site    string // what stands in the braces of a Caddyfile's site
	admin   string // the address of the admin endpoint, if it is not the socket
	running bool
}

// newProxy returns a proxy that is not started yet. It is stopped when the test ends.
func newProxy(t *testing.T, site string) *proxy {
	t.Helper()
	p := &proxy{Caddy: caddytest.New(t), t: t, site: site}
	logged.Reset()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			logged.Dump(t, isPoolLine)
		}
	})
	return p
}

// logged is what Caddy has logged in the current test.
var logged = caddytest.Log

// isPoolLine reports whether a pool logged the line. The lines of failed requests would bury those.
func isPoolLine(line string) bool {
	return strings.Contains(line, `"logger":"http.reverse_proxy.upstreams`)
}

func (p *proxy) start() {
	p.t.Helper()
	p.Start(p.text())
	p.running = true
}

// stop stops Caddy, if it runs, and checks that nothing of a pool is left.
func (p *proxy) stop() {
	p.t.Helper()
	if !p.running {
		return
	}
	p.running = false
	p.Stop()
	endpoint.Each(func(name string, _ *endpoint.Pool) bool {
		p.t.Errorf("pool %q is left", name)
		return true
	})
	if stack := stackOf("caddy-balance/discovery"); stack != "" {
		p.t.Errorf("a goroutine of discovery is left:\n%s", stack)
	}
}

// stackOf returns the stack of a goroutine that runs a function of a package, or "".
func stackOf(pkg string) string {
	all := make([]byte, 4<<20)
	for stack := range strings.SplitSeq(string(all[:runtime.Stack(all, true)]), "\n\n") {
		if strings.Contains(stack, pkg) {
			return stack
		}
	}
	return ""
}

// reload loads the same config again.
func (p *proxy) reload() {
	p.t.Helper()
	if err := p.Reload(p.Adapt(p.text())); err != nil {
		p.t.Fatal(err)
	}
}

func (p *proxy) text() string {
	options := p.GlobalOptions("")
	if p.admin != "" {
		options = strings.Replace(options, "unix/"+p.AdminSocket(), p.admin, 1)
	}
	return options + "http:// {\nbind unix/" + p.SiteSocket(0) + "\n" + p.site + "\n}\n"
}

// siteClient returns a client for the site.
func (p *proxy) siteClient() *http.Client { return newClient(caddytest.Transport(p.SiteSocket(0))) }

// adminClient returns a client for the admin API.
func (p *proxy) adminClient() *http.Client { return newClient(caddytest.Transport(p.AdminSocket())) }

func newClient(t *http.Transport) *http.Client {
	t.MaxIdleConnsPerHost = workers
	return &http.Client{Timeout: waitLimit, Transport: t}
}
