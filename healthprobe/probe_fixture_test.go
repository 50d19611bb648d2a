package healthprobe

import (
	"context"
	"io"
	"log"
	"net"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	_ "github.com/caddyserver/caddy/v2/modules/caddytls"
	"go.uber.org/goleak"
)

// the trust pools

func provisioned[P caddy.Provisioner](t testing.TB, probe P) P {
	t.Helper()
	if err := provision(t, probe); err != nil {
		t.Fatal(err)
	}
	return probe
}

func provision(t testing.TB, probe caddy.Provisioner) error {
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	t.Cleanup(cancel)
	return probe.Provision(ctx)
}

// refuses checks what provisioning says to each of the probes.
func refuses[P caddy.Provisioner](t *testing.T, mistakes map[string]P) {
	t.Helper()
	for want, probe := range mistakes {
		expect(t, want, provision(t, probe), want)
	}
}

// checked is the outcome of a probe that has more time than it needs, and checks for the first and last time.
func checked(t *testing.T, probe Probe, e *Endpoint) error {
	return checkedAgain(t, probe, &Target{Endpoint: e}, true)
}

// checkedAgain goes on with what the probe keeps, as the prober does.
func checkedAgain(t *testing.T, probe Probe, target *Target, last bool) error {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := probe.Check(ctx, target)
	if err != nil || last {
		target.closeKept()
	}
	return err
}

// brief is longer than any of these probes needs for what it can do.
const brief = 50 * time.Millisecond

// checkedBriefly is the outcome of a probe that has to wait longer than it may.
func checkedBriefly(t *testing.T, probe Probe, e *Endpoint) error {
	ctx, cancel := context.WithTimeout(t.Context(), brief)
	defer cancel()
	target := &Target{Endpoint: e}
	defer target.closeKept()
	return probe.Check(ctx, target)
}

// expect compares with what Check should say, which is nothing if the probe passes.
func expect(t *testing.T, name string, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
	}
}

// leaksNothing fails the test if goroutines are left after all that it cleans up.
func leaksNothing(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// serve is an endpoint that does the same with each connection, until the connection is closed.
func serve(t *testing.T, each func(net.Conn)) *Endpoint {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, listener, each)
	return &Endpoint{Address: listener.Addr().String()}
}

func serveOn(t *testing.T, listener net.Listener, each func(net.Conn)) {
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
}

// says answers a request of any length with text, and waits for the other side to close.
func says(text string) func(net.Conn) {
	return func(c net.Conn) {
		c.Read(make([]byte, 4096))
		io.WriteString(c, text)
		hangs(c)
	}
}

// hangs reads whatever comes and never answers.
func hangs(c net.Conn) { io.Copy(io.Discard, c) }

// nobody is an address that refuses connections.
var quiet = log.New(io.Discard, "", 0)

func nobody(t *testing.T) *Endpoint {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return &Endpoint{Address: listener.Addr().String()}
}
