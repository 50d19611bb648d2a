package caddytest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // the Caddyfile adapter and what configs consist of
)

// Caddy is the Caddy of this process, and the folder for its storage and sockets.
//
// Its admin endpoint and its sites listen on Unix sockets, because a reload passes those on
// together with the connections that wait in them. Connections that wait at a TCP port when its old
// listener closes are lost, and a test would count that against the code under test.
type Caddy struct {
	t   testing.TB
	dir string
}

// New makes the folder, which is removed when the test ends. It starts nothing.
func New(t testing.TB) *Caddy {
	t.Helper()
	return &Caddy{t: t, dir: SocketDir(t)}
}

// SocketDir makes a folder with a short name, and removes it when the test ends. The path of a Unix
// socket has at most 104 bytes, and in t.TempDir the name of the test would use them up.
func SocketDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "caddy")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// AdminSocket returns the path of the admin endpoint's socket.
func (c *Caddy) AdminSocket() string { return filepath.Join(c.dir, "admin") }

// SiteSocket returns the path of the socket that site number i is to listen on.
func (c *Caddy) SiteSocket(i int) string { return filepath.Join(c.dir, fmt.Sprint("site", i)) }

// Storage returns the folder of Caddy's storage.
func (c *Caddy) Storage() string { return filepath.Join(c.dir, "storage") }

// GlobalOptions returns the global options block of a Caddyfile, with further lines of it.
func (c *Caddy) GlobalOptions(more string) string {
	return fmt.Sprintf(`{
		admin unix/%s
		persist_config off
		skip_install_trust
		auto_https off
		storage file_system %s
		log {
			output test
		}
		%s
	}
	`, c.AdminSocket(), c.Storage(), more)
}

// Adapt returns the JSON of a Caddyfile.
func (c *Caddy) Adapt(text string) []byte {
	c.t.Helper()
	options := map[string]any{"filename": "Caddyfile"}
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), options)
	if err != nil {
		c.t.Fatalf("%v\n%s", err, text)
	}
	return config
}

// Start loads a Caddyfile in a Caddy that does not run.
func (c *Caddy) Start(text string) {
	c.t.Helper()
	if err := caddy.Load(c.Adapt(text), true); err != nil {
		c.t.Fatal(err)
	}
}

// withoutAdmin is a config that closes the admin endpoint and logs nothing.
const withoutAdmin = `{
	"admin": {"disabled": true, "config": {"persist": false}},
	"logging": {"logs": {"default": {"writer": {"output": "discard"}}}}
}`

// Stop stops Caddy. It loads a config without an admin endpoint first, because caddy.Stop leaves
// the endpoint running.
func (c *Caddy) Stop() {
	c.t.Helper()
	if err := errors.Join(caddy.Load([]byte(withoutAdmin), true), caddy.Stop()); err != nil {
		c.t.Error(err)
	}
}
