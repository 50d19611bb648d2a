package traffic

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// proxy is the Caddy of this process with a config loaded. Sites listen on unix sockets: a reload
// passes those on with the connections that wait in them, while those that wait at a TCP port when
// its old listener closes are lost, which would be held against the code under test.
type proxy struct {
	t       *testing.T
	dir     string
	configs int    // so far
	globals string // more global options
}

// load runs Caddy until the test ends. Each site is what stands in the braces of a Caddyfile's site.
func startProxy(t *testing.T, sites ...string) *proxy {
	t.Helper()
	return loadWith(t, "", sites...)
}

// loadWith is load with more global options.
func loadWith(t *testing.T, globals string, sites ...string) *proxy {
	t.Helper()
	p := &proxy{t: t, dir: socketDir(t), globals: globals}
	p.run(p.text(sites...))
	return p
}

// loadText is load for tests that need other listeners; the text follows the global options.
func loadText(t *testing.T, text func(p *proxy) string) *proxy {
	t.Helper()
	p := &proxy{t: t, dir: socketDir(t)}
	p.run(p.options() + text(p))
	return p
}

func (p *proxy) run(text string) {
	p.t.Helper()
	logged.reset()
	check := watchForRemains(p.t)
	if err := caddy.Load(p.adapt(text), true); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		check.nothingInFlight()
		p.stop()
		check.nothingLeft()
		if p.t.Failed() {
			logged.dump(p.t)
		}
	})
}

// stop stops Caddy, and its admin endpoint, which caddy.Stop leaves running.
func (p *proxy) stop() {
	const quiet = `{"admin": {"disabled": true, "config": {"persist": false}}, "logging": {"logs": {"default": {"writer": {"output": "discard"}}}}}`
	if err := caddy.Load([]byte(quiet), true); err != nil {
		p.t.Error(err)
	}
	if err := caddy.Stop(); err != nil {
		p.t.Error(err)
	}
}

func (p *proxy) options() string {
	return fmt.Sprintf(`{
		admin unix/%s
		persist_config off
		skip_install_trust
		auto_https off
		storage file_system %s
		log {
			output traffic
		}
		servers {
			protocols h1 h2 h2c h3
			enable_full_duplex
		}
		%s
	}
	`, p.admin(), p.dir, p.globals)
}

func (p *proxy) text(sites ...string) string {
	p.configs++
	var text strings.Builder
	text.WriteString(p.options())
	for i, site := range sites {
		fmt.Fprintf(&text, "http:// {\n\tbind unix/%s\n\tnumbered %d\n\t%s\n}\n", p.socket(i), p.configs, site)
	}
	return text.String()
}

func (p *proxy) adapt(text string) []byte {
	p.t.Helper()
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		p.t.Fatal(err)
	}
	return config
}

// adapted is the config of sites in JSON, with what the Caddyfile has no words for.
func (p *proxy) adapted(change func(config map[string]any), sites ...string) []byte {
	var config map[string]any
	if err := json.Unmarshal(p.adapt(p.text(sites...)), &config); err != nil {
		p.t.Fatal(err)
	}
	change(config)
	changed, err := json.Marshal(config)
	if err != nil {
		p.t.Fatal(err)
	}
	return changed
}

func (p *proxy) admin() string          { return filepath.Join(p.dir, "admin") }
func (p *proxy) socket(site int) string { return filepath.Join(p.dir, fmt.Sprint("site", site)) }

// socketDir is a folder with a short name: the path of a socket has at most 104 bytes, which
// t.TempDir would use up with the name of the test.
func socketDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "caddy")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
