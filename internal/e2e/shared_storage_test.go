package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/process"
)

// environments are Caddys with one config and one storage, whose environment variables differ. Each
// has lists and registrations of its own backends.
type environments struct {
	t       *testing.T
	binary  string
	storage string
	lists   string // the address of the list server
	options string // of the pools
	down    func() // stops the list server
}

func newEnvironments(t *testing.T, options string) *environments {
	t.Helper()
	binary, err := process.Build(t.Context(), t.TempDir(), "internal/chaos/caddy")
	if err != nil {
		t.Fatal(err)
	}
	e := &environments{t: t, binary: binary, storage: t.TempDir(), lists: caddytest.FreeAddress(t), options: options}
	backends := make(map[string]*backend)
	for _, name := range []string{"production", "staging"} {
		backends["Bearer "+name] = startBackend(t, name)
	}
	listener, err := net.Listen("tcp", e.lists)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "[%q]", backends[r.Header.Get("Authorization")].address)
	})}
	go func() { _ = server.Serve(listener) }()
	e.down = func() { server.Close() }
	t.Cleanup(e.down)
	return e
}

// config has the pool of a list that differs only by the token, and a pool for registrations.
func (e *environments) config() string {
	return fmt.Sprintf(`{
	admin unix/{$HOME}/admin
	auto_https off
	persist_config off
	skip_install_trust
	storage file_system %s
}
http:// {
	bind unix/{$HOME}/site
	route /listed {
		reverse_proxy {
			dynamic pool listed {
				source http http://%s {
					interval 1s
					bearer_token {env.ENVIRONMENT}
				}
				initial_wait 2s
				%s
			}
		}
	}
	route /registered {
		reverse_proxy {
			dynamic pool registered {
				source registry
				initial_wait 2s
				%[3]s
			}
		}
	}
}
`, e.storage, e.lists, e.options)
}

// environment is one of them.
type environment struct {
	*environments
	name, folder string
	process      *process.Process
}

// add returns an environment with an empty data folder. Its Caddy is not started yet.
func (e *environments) add(name string) *environment {
	return &environment{environments: e, name: name, folder: caddytest.SocketDir(e.t)}
}

func (e *environment) start() {
	e.t.Helper()
	e.t.Setenv("ENVIRONMENT", e.name)
	path := filepath.Join(e.folder, "Caddyfile")
	if err := os.WriteFile(path, []byte(e.config()), 0o600); err != nil {
		e.t.Fatal(err)
	}
	var err error
	if e.process, err = process.Start(e.folder, e.binary, "run", "--config", path); err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(e.process.Kill)
	if err := e.process.AwaitListener(e.t.Context(), "unix", filepath.Join(e.folder, "site")); err != nil {
		e.t.Fatal(err, e.process.Output())
	}
}

// stop ends Caddy as an init system does.
func (e *environment) stop() {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), waitLimit)
	defer cancel()
	if err := e.process.Terminate(ctx); err != nil {
		e.t.Error(err, e.process.Output())
	}
}

// get returns the body of an answer, or its status if that is not 200.
func (e *environment) get(path string) string {
	e.t.Helper()
	client := newClient(caddytest.SingleUseTransport(filepath.Join(e.folder, "site")))
	response, err := client.Get("http://site" + path)
	if err != nil {
		e.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		return response.Status
	}
	return string(body)
}

// register registers a backend that answers with a name.
func (e *environment) register(name string) {
	e.t.Helper()
	b := startBackend(e.t, name)
	client := newClient(caddytest.SingleUseTransport(filepath.Join(e.folder, "admin")))
	if err := send(client, http.MethodPut, "http://admin/pools/registered/endpoints/one", object{"address": b.address, "ttl": "10m"}); err != nil {
		e.t.Fatal(err)
	}
}

// fill starts a Caddy, lets it have a list and a registration, and stops it.
func (e *environment) fill() {
	e.t.Helper()
	e.start()
	e.register("registered in " + e.name)
	eventually(e.t, "the registration is listed", func() bool { return e.get("/registered") == "registered in "+e.name })
	e.want(e.name)
	e.stop()
}

// want expects that the backends of an environment serve.
func (e *environment) want(name string) {
	e.t.Helper()
	if got := e.get("/listed"); got != name {
		e.t.Errorf("%s: listed %q; want %q", e.name, got, name)
	}
	if got, want := e.get("/registered"), "registered in "+name; got != want {
		e.t.Errorf("%s: registered %q; want %q", e.name, got, want)
	}
}

func TestCaddysWithOneStorageKeepTheirListsApart(t *testing.T) {
	e := newEnvironments(t, "")
	production, staging, fresh := e.add("production"), e.add("staging"), e.add("production")
	production.fill()
	staging.fill()
	e.down()
	for _, one := range []*environment{production, staging} {
		one.start()
		one.want(one.name)
	}
	fresh.start()
	for _, path := range []string{"/listed", "/registered"} {
		if got, want := fresh.get(path), "503 Service Unavailable"; got != want {
			t.Errorf("an instance without a list answers %q to %s; want %q", got, path, want)
		}
	}
}

func TestCaddysShareTheirListsByName(t *testing.T) {
	e := newEnvironments(t, "persist fleet")
	production, fresh := e.add("production"), e.add("staging")
	production.fill()
	e.down()
	fresh.start()
	fresh.want("production")
}
