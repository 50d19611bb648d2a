package healthprobe

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/egress"
)

func TestAProbeDoesNotConnectWhereRequestsMayNotGo(t *testing.T) {
	e := serve(t, func(c net.Conn) { c.Close() })
	_, port, err := net.SplitHostPort(e.Address)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := egress.New(nil, []string{"127.0.0.0/8", "::1"}, egress.Listeners{})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		connection Connection
		address    string
		want       string
	}{
		"an address":           {Connection{}, e.Address, "127.0.0.1 is in 127.0.0.0/8, which the pool denies"},
		"a name":               {Connection{}, "localhost:" + port, "which the pool denies"},
		"metadata":             {Connection{Upstream: "{endpoint.metadata.health}"}, e.Address, "is a unix socket; expected TCP"},
		"upstream of a config": {Connection{Upstream: e.Address}, "10.0.0.7:80", ""},
	} {
		probe := provisioned(t, &TCPProbe{Connection: c.connection})
		target := &Target{Endpoint: &Endpoint{Address: c.address, Metadata: map[string]string{"health": "unix//run/a.sock"}}}
		err := probe.Check(withEgress(context.Background(), rules), target)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v; want %q", name, err, c.want)
		}
	}
}
