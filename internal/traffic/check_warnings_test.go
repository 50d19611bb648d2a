package traffic

import (
	"fmt"
	"net"
	"net/http"
	"testing"

	"github.com/pires/go-proxyproto"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// serveDemandingHeader speaks HTTP and refuses connections that do not begin with the header of the
// PROXY protocol.
func serveDemandingHeader(s *http.Server, l net.Listener) error {
	return s.Serve(&proxyproto.Listener{
		Listener:   l,
		ConnPolicy: func(proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) { return proxyproto.REQUIRE, nil },
	})
}

const missingHeader = "health probe sends no PROXY header, but the transport does"

func TestBackendsThatDemandThePROXYHeaderServe(t *testing.T) {
	for _, version := range []string{"v1", "v2"} {
		f := startBackendsWith(t, 2, serveDemandingHeader, writeName)
		checks := fastChecks("http /healthz {\nproxy_protocol "+version+"\n}", longTimeout)
		site := checkedPool(f, "fail_open off\n"+checks, "transport http {\nproxy_protocol "+version+"\n}")
		front := caddytest.FreeAddress(t) // a client at a Unix socket has no address for the header
		startProxyText(t, func(*proxy) string { return "http://" + front + " {\n" + site + "\n}\n" })
		eventually(t, "checks of both backends", func() bool {
			return f[0].hits.Load()-f[0].requests.Load() > 3 && f[1].hits.Load()-f[1].requests.Load() > 3
		})
		c := &client{&http.Client{Transport: new(http.Transport), Timeout: waitLimit}, "http://" + front}
		t.Cleanup(c.CloseIdleConnections)
		for range 10 {
			if a, err := c.get("/"); err != nil || a.status != http.StatusOK {
				t.Errorf("%s: got %+v, %v", version, a, err)
			}
		}
		if n := logged.Count("endpoint is unhealthy") + logged.Count(missingHeader); n > 0 {
			t.Errorf("%s: %d lines that something is wrong", version, n)
		}
	}
}

func TestOneWarningIfTheTransportSendsThePROXYHeaderAndTheProbeDoesNot(t *testing.T) {
	f := startBackends(t, 1)
	site := func(probe, transport string) string {
		return checkedPool(f, fmt.Sprintf("health {\nprobe %s\ninterval 1h\n}", probe), "transport http {\n"+transport+"\n}")
	}
	for i, c := range []struct {
		probe, transport string
		want             int
	}{
		{"http /healthz", "proxy_protocol v2", 1},
		{"tcp", "proxy_protocol v1", 1},
		{"tcp", "", 0},
		{"tcp {\nproxy_protocol v1\n}", "proxy_protocol v2", 0},
		{"tcp {\nport 1\n}", "proxy_protocol v2", 0},
		{"agent {\nport 1\n}", "proxy_protocol v2", 0},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			same := site(c.probe, c.transport)
			p := startProxy(t, same, same, same)
			if err := p.Reload(p.Adapt(p.text(same, same, same, "respond ok"))); err != nil {
				t.Fatal(err)
			}
			if n := logged.Count(missingHeader, `"level":"warn"`, `"pool":"web"`); n != c.want {
				t.Errorf("%d warnings, want %d", n, c.want)
			}
		})
	}
}

func TestOneWarningIfCaddysActiveChecksCheckNothing(t *testing.T) {
	f := startBackends(t, 1)
	for i, c := range []struct {
		handler string
		want    int
	}{
		{"health_uri /healthz", 1},
		{"health_port 1", 1},
		{"", 0},
		{"fail_duration 10s", 0},
		{"health_uri /healthz\nto " + f[0].address, 0}, // it is checked
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			same := checkedPool(f, "", c.handler)
			startProxy(t, same, same)
			const ineffective = "Caddy's active health checks do not check the endpoints of a pool"
			if n := logged.Count(ineffective, `"level":"warn"`, `"pool":"web"`); n != c.want {
				t.Errorf("%d warnings, want %d", n, c.want)
			}
		})
	}
}
