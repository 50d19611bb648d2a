package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// proxy is the Caddy of this process with one site, on a unix socket: a reload passes that on with the
// connections that wait in it.
type proxy struct {
	t       *testing.T
	dir     string // its storage and sockets
	site    string // what stands in the braces of the site
	running bool
}

// newProxy does not start it yet.
func newProxy(t *testing.T, site string) *proxy {
	t.Helper()
	// Not t.TempDir, since a socket's path has at most 104 bytes and the test's name would use them up.
	dir, err := os.MkdirTemp("", "caddy")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, dir: dir, site: site}
	logged.reset()
	t.Cleanup(func() {
		p.stop()
		os.RemoveAll(dir)
		if t.Failed() {
			logged.dump(t)
		}
	})
	return p
}

func (p *proxy) start() {
	p.t.Helper()
	if err := caddy.Load(p.config(), true); err != nil {
		p.t.Fatal(err)
	}
	p.running = true
}

// stop stops Caddy, and its admin endpoint, which caddy.Stop leaves running. Nothing of a pool may be left.
func (p *proxy) stop() {
	p.t.Helper()
	if !p.running {
		return
	}
	p.running = false
	const quiet = `{"admin": {"disabled": true, "config": {"persist": false}}, "logging": {"logs": {"default": {"writer": {"output": "discard"}}}}}`
	if err := errors.Join(caddy.Load([]byte(quiet), true), caddy.Stop()); err != nil {
		p.t.Error(err)
	}
	endpoint.Each(func(name string, _ *endpoint.Pool) bool {
		p.t.Errorf("pool %q is left", name)
		return true
	})
	if stack := stackOf("caddy-balance/discovery"); stack != "" {
		p.t.Errorf("a goroutine of discovery is left:\n%s", stack)
	}
}

// stackOf is that of a goroutine with a function of a package.
func stackOf(pkg string) string {
	all := make([]byte, 4<<20)
	for stack := range strings.SplitSeq(string(all[:runtime.Stack(all, true)]), "\n\n") {
		if strings.Contains(stack, pkg) {
			return stack
		}
	}
	return ""
}

func (p *proxy) config() []byte {
	p.t.Helper()
	text := fmt.Sprintf(`{
		admin unix/%s
		persist_config off
		skip_install_trust
		auto_https off
		storage file_system %s
		log {
			output e2e
		}
	}
	http:// {
		bind unix/%s
		%s
	}`, p.admin(), p.storage(), p.socket(), p.site)
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		p.t.Fatalf("%v\n%s", err, text)
	}
	return config
}

// reload loads the same config again through the admin API, as `caddy reload --force` does. It
// sends again what ended without an answer: each load replaces the admin endpoint, and the old one
// drops connections that it has only just accepted.
func (p *proxy) reload() {
	p.t.Helper()
	var err error
	for range 5 {
		if err = p.post(p.config()); !errors.Is(err, io.EOF) {
			break
		}
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *proxy) post(config []byte) error {
	request, err := http.NewRequest(http.MethodPost, "http://admin/load", bytes.NewReader(config))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Cache-Control", "must-revalidate") // load it even if it is the same
	response, err := client(p.admin(), true).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", response.Status, body)
	}
	return err
}

func (p *proxy) admin() string   { return filepath.Join(p.dir, "admin") }
func (p *proxy) socket() string  { return filepath.Join(p.dir, "site") }
func (p *proxy) storage() string { return filepath.Join(p.dir, "storage") }

// client speaks to a unix socket.
func client(socket string, once bool) *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives:   once,
		MaxIdleConnsPerHost: workers,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
}
