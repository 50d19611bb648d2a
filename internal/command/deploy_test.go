package command_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

const example = "../../examples/deploy/"

// backend answers with its version. It is replaced by a newer one at the same address, which takes
// its listener and all its connections away at once, as the end of a process does.
type backend struct {
	address string
	version int
	server  *http.Server
	busy    atomic.Int32 // requests in flight
}

func (b *backend) start(t *testing.T) {
	listener, err := net.Listen("tcp", b.address)
	if err != nil {
		t.Error(err)
		return
	}
	version := fmt.Sprint("v", b.version)
	var served atomic.Uint32
	b.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.busy.Add(1)
		defer b.busy.Add(-1)
		takes := 30 * time.Millisecond
		if served.Add(1)%8 == 0 {
			takes = time.Second // longer than it takes to start the command that replaces
		}
		select {
		case <-time.After(takes):
		case <-r.Context().Done():
		}
		io.WriteString(w, version)
	})}
	go b.server.Serve(listener)
}

// fleet is the backends of a pool, which a command replaces.
type fleet struct {
	*testing.T
	backends []*backend
	replaced []string // addresses, in the order of their replacement
}

func startFleet(t *testing.T, size int) *fleet {
	f := &fleet{T: t}
	for range size {
		b := &backend{address: caddytest.FreeAddress(t), version: 1}
		b.start(t)
		f.backends = append(f.backends, b)
		t.Cleanup(func() { b.server.Close() })
	}
	return f
}

func (f *fleet) addresses() (all []string) {
	for _, b := range f.backends {
		all = append(all, b.address)
	}
	return all
}

func (f *fleet) find(address string) *backend {
	i := slices.IndexFunc(f.backends, func(b *backend) bool { return b.address == address })
	return f.backends[i]
}

// ServeHTTP replaces the backend whose address a request names.
func (f *fleet) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	b := f.find(r.FormValue("address"))
	if busy := b.busy.Load(); busy > 0 {
		f.Errorf("%s is replaced with %d requests in flight", b.address, busy)
	}
	f.replaced = append(f.replaced, b.address)
	b.server.Close()
	b.version++
	b.start(f.T)
}

// script returns a script of the example, in an environment where `caddy` is this test binary and
// its admin endpoint is the given one.
func script(t *testing.T, admin, name string, args ...string) *exec.Cmd {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the script is for a shell")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	as := func(name, is string) {
		text := fmt.Sprintf("#!/bin/sh\n%s=%s exec '%s' \"$@\"\n", role, is, self)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	as("caddy", "caddy")
	as("replace", "replace")
	cmd := exec.Command("sh", append([]string{example + name}, args...)...)
	path := dir + string(os.PathListSeparator) + os.Getenv("PATH")
	cmd.Env = append(os.Environ(), "PATH="+path, "CADDY_ADMIN="+admin, "STABLE=0s")
	return cmd
}

// load sends requests until stop is called, which returns how many there were and which ones
// failed.
func load(t *testing.T, socket string) (stop func() (requests int, failures []string)) {
	client := &http.Client{Transport: caddytest.Transport(socket)}
	var (
		mu       sync.Mutex
		requests int
		failures []string
		over     = make(chan struct{})
		wg       sync.WaitGroup
	)
	for range 6 {
		wg.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				failure := ask(client)
				mu.Lock()
				if requests++; failure != "" {
					failures = append(failures, failure)
				}
				mu.Unlock()
			}
		})
	}
	stop = sync.OnceValues(func() (int, []string) {
		close(over)
		wg.Wait()
		client.CloseIdleConnections()
		return requests, failures
	})
	t.Cleanup(func() { stop() })
	return stop
}

// ask sends a request, and returns what is wrong with the answer.
func ask(client *http.Client) (failure string) {
	response, err := client.Post("http://site/", "text/plain", strings.NewReader("not to be sent twice"))
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || !strings.HasPrefix(string(body), "v") {
		return fmt.Sprintf("%s: %s %v", response.Status, body, err)
	}
	return ""
}

func TestADeploymentFailsNoRequest(t *testing.T) {
	f := startFleet(t, 3)
	c, admin := startCaddy(t, f.addresses()...)
	control := "http://" + serve(t, f.ServeHTTP)
	pools(admin, "wait", "web", "--usable", "3")
	stop := load(t, c.SiteSocket(0))
	output, err := script(t, admin, "deploy.sh", "web", "replace", control).CombinedOutput()
	requests, failures := stop()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if len(failures) > 0 || requests < 100 {
		t.Errorf("%d of %d requests failed: %q\n%s", len(failures), requests, failures, output)
	}
	if len(f.replaced) != 3 {
		t.Errorf("replaced %q\n%s", f.replaced, output)
	}
	for _, b := range f.backends {
		if b.version != 2 {
			t.Errorf("%s has version %d", b.address, b.version)
		}
	}
	if got := pools(admin, "list", "--json"); !strings.Contains(got.out, `"usable":3`) || !strings.Contains(got.out, `"overrides":0`) {
		t.Errorf("afterwards: %s", got.out)
	}
}

func TestADeploymentStopsBeforeItTakesTheLastEndpoint(t *testing.T) {
	f := startFleet(t, 1)
	_, admin := startCaddy(t, f.addresses()...)
	pools(admin, "wait", "web")
	control := "http://" + serve(t, f.ServeHTTP)
	output, err := script(t, admin, "deploy.sh", "web", "replace", control).CombinedOutput()
	if code := codeOfProcess(err); code != 7 || !strings.Contains(string(output), "is the last usable one") || len(f.replaced) > 0 {
		t.Errorf("code %d, replaced %q\n%s", code, f.replaced, output)
	}
}

func TestADeploymentStopsWhereANewVersionEndsAgain(t *testing.T) {
	f := startFleet(t, 3)
	_, admin := startCaddy(t, f.addresses()...)
	pools(admin, "wait", "web", "--usable", "3")
	control := "http://" + serve(t, func(_ http.ResponseWriter, r *http.Request) {
		f.find(r.FormValue("address")).server.Close()
		f.replaced = append(f.replaced, r.FormValue("address"))
	})
	cmd := script(t, admin, "deploy.sh", "web", "replace", control)
	cmd.Env = append(cmd.Env, "STABLE=2s", "PATIENCE=3s")
	output, err := cmd.CombinedOutput()
	if code := codeOfProcess(err); code != 6 || len(f.replaced) != 1 {
		t.Errorf("code %d, replaced %q\n%s", code, f.replaced, output)
	}
}

func TestADeploymentStopsWhereANewVersionDoesNotStart(t *testing.T) {
	f := startFleet(t, 3)
	_, admin := startCaddy(t, f.addresses()...)
	pools(admin, "wait", "web", "--usable", "3")
	output, err := script(t, admin, "deploy.sh", "web", "false").CombinedOutput()
	if code := codeOfProcess(err); code != 1 {
		t.Errorf("code %d\n%s", code, output)
	}
	if got := pools(admin, "list", "--json"); !strings.Contains(got.out, `"usable":2`) || !strings.Contains(got.out, `"draining":1`) {
		t.Errorf("afterwards: %s", got.out)
	}
}

// TestTheExampleDeploysProcesses does what the README of the example says, with another port.
func TestTheExampleDeploysProcesses(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("the example needs curl")
	}
	address := caddytest.FreeAddress(t)
	other := startFleet(t, 1).backends[0].address
	t.Setenv("TMPDIR", t.TempDir())
	run := func(name string, args ...string) {
		t.Helper()
		if output, err := script(t, "", name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, output)
		}
	}
	run("replace.sh", "v1", address)
	t.Cleanup(func() { run("replace.sh", "", address) })
	_, admin := startCaddy(t, address, other)
	pools(admin, "wait", "web", "--usable", "2")
	// The other backend is not a process of the example, so it is left alone.
	replace := "case $0 in " + other + ") ;; *) sh " + example + "replace.sh v2 $0; esac"
	cmd := script(t, admin, "deploy.sh", "web", "sh", "-c", replace)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	response, err := http.Get("http://" + address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); string(body) != "v2" {
		t.Errorf("the backend answers %q", body)
	}
}

func codeOfProcess(err error) int {
	if exit, ok := err.(*exec.ExitError); ok {
		return exit.ExitCode()
	}
	return 0
}
