package databases

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	_ "github.com/caddyserver/caddy/v2/modules/caddytls" // the trust pools
	"go.uber.org/goleak"

	"github.com/caddy-balance/caddy-balance/healthprobe"
	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/leaktest"
)

// probe is one of the probes of this package.
type probe interface {
	caddy.Provisioner
	healthprobe.Probe
}

func provision(t *testing.T, p probe) error {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	t.Cleanup(cancel)
	return p.Provision(ctx)
}

// check returns the result of a check with more time than it needs.
func check(t *testing.T, p probe, address string) error {
	t.Helper()
	return checkWithin(t, p, address, time.Minute)
}

func checkWithin(t *testing.T, p probe, address string, limit time.Duration) error {
	t.Helper()
	if err := provision(t, p); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return p.Check(ctx, &healthprobe.Target{Endpoint: &healthprobe.Endpoint{Address: address}})
}

// wantTimeout fails the test unless a check of a server that hangs runs into its time limit as it
// logs in. On a busy machine a short limit may end before that; it then tries a longer one.
func wantTimeout(t *testing.T, p probe, address string) {
	t.Helper()
	const want = "logging in: timed out"
	var err error
	for _, limit := range []time.Duration{100 * time.Millisecond, time.Second, time.Minute} {
		if err = checkWithin(t, p, address, limit); err == nil || err.Error() == want {
			break
		}
	}
	wantError(t, "it hangs", err, want)
}

// wantError fails the test unless err has this text; an empty text stands for no error.
func wantError(t *testing.T, name string, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
	}
}

// wantNoGoroutines fails the test if goroutines are left after its cleanup.
func wantNoGoroutines(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { leaktest.WantNone(t, before) })
}

// serve returns the address of a server that calls each with every connection.
func serve(t *testing.T, network string, each func(net.Conn)) string {
	t.Helper()
	address, prefix := "127.0.0.1:0", ""
	if network == "unix" {
		address, prefix = filepath.Join(caddytest.SocketDir(t), "socket"), "unix/"
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			accepted, err := listener.Accept()
			if err != nil {
				return
			}
			each(accepted)
			accepted.Close()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	return prefix + listener.Addr().String()
}

// hangs reads all that comes and never answers.
func hangs(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// says sends a text at once, and waits until the other side closes.
func says(text string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = io.WriteString(c, text)
		hangs(c)
	}
}

// program returns the path of a server's program. Without it the test is skipped, unless CI is set.
func program(t *testing.T, debian string, patterns ...string) string {
	t.Helper()
	for _, pattern := range patterns {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	message := "missing; install it: apt-get install -y --no-install-recommends " + debian
	if os.Getenv("CI") != "" {
		t.Fatal(message)
	}
	t.Skip(message)
	return ""
}

// as returns a command that runs as another user, if the test runs as root.
func as(account string, command ...string) []string {
	if os.Getuid() == 0 {
		command = append([]string{"setpriv", "--reuid", account, "--regid", account, "--clear-groups"}, command...)
	}
	return command
}

func run(t *testing.T, command ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), command[0], command[1:]...)
	c.Dir = "/" // every user may be there
	if output, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, output)
	}
}

// withTLS trusts a certificate of a real server.
func withTLS(c *caddytest.Certificate) healthprobe.Connection {
	return healthprobe.Connection{TLS: &reverseproxy.TLSConfig{
		CARaw: fmt.Appendf(nil, `{"provider": "file", "pem_files": [%q]}`, c.CertFile), ServerName: caddytest.ServerName,
	}}
}
