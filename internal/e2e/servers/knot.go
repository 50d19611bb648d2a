package servers

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// Knot is an authoritative DNS server with one zone. Every process on this machine may change the
// zone by RFC 2136.
type Knot struct {
	*Process
	Address string
}

// Zone is the zone that Knot serves. At first none of its names has a record that a source could
// find.
const Zone = "svc.test."

//go:embed knot.conf
var knotConfig string

//go:embed knot.zone
var knotZone string

// StartKnot starts a server that runs until the test ends.
func StartKnot(t testing.TB) *Knot {
	t.Helper()
	path, err := installed("knotd", "knot")
	if err != nil {
		t.Fatal(err)
	}
	k := &Knot{Address: caddytest.FreeAddress(t)}
	k.Process = Run(t, Plan{
		Name:    "knot",
		Prepare: func(data string) error { return prepareKnot(data, k.Address) },
		Command: func(data string) *exec.Cmd { return exec.Command(path, "-c", filepath.Join(data, "knot.conf")) },
		Ready:   func(ctx context.Context) error { return knotReady(ctx, k.Address) },
	})
	return k
}

func prepareKnot(data, address string) error {
	config := strings.NewReplacer("$DATA", data, "$ADDRESS", strings.Replace(address, ":", "@", 1)).Replace(knotConfig)
	if err := os.WriteFile(filepath.Join(data, "knot.conf"), []byte(config), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(data, "svc.zone"), []byte(knotZone), 0o600)
}

// RestartBroken restarts the server with a zone that cannot be read. It answers SERVFAIL then.
func (k *Knot) RestartBroken() {
	k.t.Helper()
	k.Kill()
	k.clear()
	if err := os.WriteFile(filepath.Join(k.Data, "svc.zone"), []byte("this is no zone"), 0o600); err != nil {
		k.t.Fatal(err)
	}
	k.start()
}

func knotReady(ctx context.Context, address string) error {
	_, err := dns.ExchangeContext(ctx, new(dns.Msg).SetQuestion(Zone, dns.TypeSOA), address)
	return err
}

// Update changes the zone by an update message. The message goes over TCP, because it may be large.
func (k *Knot) Update(change func(*dns.Msg)) {
	k.t.Helper()
	update := new(dns.Msg).SetUpdate(Zone)
	change(update)
	answer, _, err := (&dns.Client{Net: "tcp"}).ExchangeContext(k.t.Context(), update, k.Address)
	if err == nil && answer.Rcode != dns.RcodeSuccess {
		err = fmt.Errorf("answers %s", dns.RcodeToString[answer.Rcode])
	}
	if err != nil {
		k.t.Errorf("updating %s: %v", Zone, err)
	}
}
