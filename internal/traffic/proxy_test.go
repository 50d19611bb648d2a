package traffic

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// proxy is a Caddy with a config loaded, whose sites listen on Unix sockets.
type proxy struct {
	*caddytest.Caddy
	t       *testing.T
	configs int    // loaded so far
	globals string // more global options
}

// startProxy runs Caddy until the test ends. Each site is what stands in the braces of a
// Caddyfile's site.
func startProxy(t *testing.T, sites ...string) *proxy {
	t.Helper()
	return startProxyWith(t, "", sites...)
}

// startProxyWith is startProxy with more global options.
func startProxyWith(t *testing.T, globals string, sites ...string) *proxy {
	t.Helper()
	p := &proxy{Caddy: caddytest.New(t), t: t, globals: globals}
	p.run(p.text(sites...))
	return p
}

// startProxyText is startProxy for tests that need other listeners. The text follows the global
// options.
func startProxyText(t *testing.T, text func(p *proxy) string) *proxy {
	t.Helper()
	p := &proxy{Caddy: caddytest.New(t), t: t}
	p.run(p.options() + text(p))
	return p
}

// run loads a Caddyfile. When the test ends it stops Caddy and checks that nothing is left.
func (p *proxy) run(text string) {
	p.t.Helper()
	logged.Reset()
	check := newLeakCheck(p.t)
	p.Start(text)
	p.t.Cleanup(func() {
		check.nothingInFlight()
		p.Stop()
		check.nothingLeft()
		if p.t.Failed() {
			logged.Dump(p.t, isPoolLine)
		}
	})
}

// logged is what Caddy has logged in the current test.
var logged = caddytest.Log

// isPoolLine reports whether a line is not one of the many that each load of a config logs.
func isPoolLine(line string) bool {
	for _, logger := range []string{`"logger":"admin`, `"logger":"http"`, `"logger":"http.log"`} {
		if strings.Contains(line, logger) {
			return false
		}
	}
	return true
}

func (p *proxy) options() string {
	return p.GlobalOptions("servers {\nprotocols h1 h2 h2c h3\nenable_full_duplex\n}\n" + p.globals)
}

// text returns the Caddyfile of some sites. Each text has a new number, by which awaitNewest knows
// it.
func (p *proxy) text(sites ...string) string {
	p.configs++
	var text strings.Builder
	text.WriteString(p.options())
	for i, site := range sites {
		fmt.Fprintf(&text, "http:// {\n\tbind unix/%s\n\tnumbered %d\n\t%s\n}\n", p.SiteSocket(i), p.configs, site)
	}
	return text.String()
}

// adapted returns the JSON of some sites after a change that a Caddyfile cannot express.
func (p *proxy) adapted(change func(config map[string]any), sites ...string) []byte {
	var config map[string]any
	if err := json.Unmarshal(p.Adapt(p.text(sites...)), &config); err != nil {
		p.t.Fatal(err)
	}
	change(config)
	changed, err := json.Marshal(config)
	if err != nil {
		p.t.Fatal(err)
	}
	return changed
}
