package healthprobe

import (
	"context"
	"io"
	"log"
	"net"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	_ "github.com/caddyserver/caddy/v2/modules/caddytls" // the trust pools
	"go.uber.org/goleak"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/leaktest"
)

// provisioned provisions a probe, and fails the test if that fails.
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

// wantRefused fails the test unless provisioning fails for each probe with its error.
func wantRefused[P caddy.Provisioner](t *testing.T, mistakes map[string]P) {
	t.Helper()
	for want, probe := range mistakes {
		wantError(t, want, provision(t, probe), want)
	}
}

// checked returns the result of a first and last check with more time than it needs.
func checked(t *testing.T, probe Probe, e *Endpoint) error {
	return checkedAgain(t, probe, &Target{Endpoint: e}, true)
}

// checkedAgain returns the result of one more check, and closes what the probe kept when the prober
// would.
func checkedAgain(t *testing.T, probe Probe, target *Target, last bool) error {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := probe.Check(ctx, target)
	if err != nil || last {
		target.closeKept()
	}
	return err
}

// wantTimeout fails the test unless a check runs into its time limit with this error.
func wantTimeout(t *testing.T, name string, probe Probe, e *Endpoint, want string) {
	t.Helper()
	wantError(t, name, checkedTooLong(t, probe, e, func(err error) bool { return err.Error() == want }), want)
}

// checkedTooLong returns the result of a check that runs into its time limit, as timedOut does.
func checkedTooLong(t *testing.T, probe Probe, e *Endpoint, isWanted func(error) bool) error {
	return timedOut(t, isWanted, func(ctx context.Context) error {
		target := &Target{Endpoint: e}
		defer target.closeKept()
		return probe.Check(ctx, target)
	})
}

// timedOut returns the result of a check of an endpoint that hangs at some step. On a busy machine
// a short limit may end in a step before that one; it then tries a longer one.
func timedOut(t *testing.T, isWanted func(error) bool, check func(context.Context) error) (err error) {
	for _, limit := range []time.Duration{50 * time.Millisecond, time.Second, time.Minute} {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		err = check(ctx)
		cancel()
		if err == nil || isWanted(err) {
			break
		}
	}
	return err
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

// verifyNoLeaks fails the test if goroutines are left after its cleanup.
func verifyNoLeaks(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { leaktest.WantNone(t, before) })
}

// serve returns an endpoint that calls each with every connection, one after the other.
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

// says answers the first packet with text, and waits until the other side closes.
func says(text string) func(net.Conn) {
	return func(c net.Conn) {
		c.Read(make([]byte, 4096))
		io.WriteString(c, text)
		hangs(c)
	}
}

// hangs reads all that comes and never answers.
func hangs(c net.Conn) { io.Copy(io.Discard, c) }

// discardLog is a logger for servers of which errors are expected.
var discardLog = log.New(io.Discard, "", 0)

// refusing returns an endpoint that refuses connections.
func refusing(t *testing.T) *Endpoint {
	t.Helper()
	return &Endpoint{Address: caddytest.FreeAddress(t)}
}
