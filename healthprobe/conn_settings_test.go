package healthprobe

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

func TestSettingsChooseTheAddressToProbe(t *testing.T) {
	elsewhere := &Endpoint{Address: "10.0.0.7:8080", Metadata: map[string]string{"health": "unix//run/health.sock", "port": "9090", "bad": "x:y"}}
	six := &Endpoint{Address: "[::1]:8080"}
	socket := &Endpoint{Address: "unix//run/app.sock"}
	for i, c := range []struct {
		connection Connection
		e          *Endpoint
		want       address
		err        string
	}{
		{Connection{}, elsewhere, address{"tcp", "10.0.0.7:8080", "10.0.0.7", "8080", false, ""}, ""},
		{Connection{}, six, address{"tcp", "[::1]:8080", "::1", "8080", false, ""}, ""},
		{Connection{}, socket, address{"unix", "/run/app.sock", "localhost", "", false, ""}, ""},
		{Connection{}, &Endpoint{Address: "tcp4/web.test:80"}, address{"tcp4", "web.test:80", "web.test", "80", false, ""}, ""},
		{Connection{}, &Endpoint{Address: "unix/@app"}, address{"unix", "@app", "localhost", "", false, ""}, ""},
		{Connection{Upstream: "unix+h2c//run/App.sock"}, elsewhere, address{"unix", "/run/App.sock", "localhost", "", true, ""}, ""},
		{Connection{Port: "81"}, elsewhere, address{"tcp", "10.0.0.7:81", "10.0.0.7", "81", false, ""}, ""},
		{Connection{Port: "{endpoint.metadata.port}"}, elsewhere, address{"tcp", "10.0.0.7:9090", "10.0.0.7", "9090", false, ""}, ""},
		{Connection{Port: "81"}, six, address{"tcp", "[::1]:81", "::1", "81", false, ""}, ""},
		{Connection{Port: "{endpoint.metadata.port}"}, six, address{}, `port: "" is not a port from 1 to 65535`},
		{Connection{Port: "81"}, socket, address{}, "a unix socket has no port 81"},
		{Connection{Upstream: "Health.test:81"}, elsewhere, address{"tcp", "health.test:81", "health.test", "81", false, ""}, ""},
		{Connection{Upstream: "{endpoint.metadata.health}"}, elsewhere, address{"unix", "/run/health.sock", "localhost", "", false, ""}, ""},
		{Connection{Upstream: "{endpoint.host}:{endpoint.metadata.port}"}, elsewhere, address{"tcp", "10.0.0.7:9090", "10.0.0.7", "9090", false, ""}, ""},
		{Connection{Upstream: "{endpoint.metadata.none}"}, elsewhere, address{}, "upstream: address: is missing; expected a host and port such as 10.0.0.7:8080"},
		{Connection{Upstream: "udp/{endpoint.host}:53"}, elsewhere, address{}, `upstream: address: "udp/10.0.0.7:53": network udp carries no requests; expected a host and port such as 10.0.0.7:8080`},
	} {
		probe := provisioned(t, &TCPProbe{Connection: c.connection})
		got, err := probe.addressOf(c.e)
		if wantError(t, c.e.Address, err, c.err); err == nil && got != c.want {
			t.Errorf("%d: got %v, want %v", i, got, c.want)
		}
	}
}

func TestProvisionRefusesMistakesInAConnection(t *testing.T) {
	wantRefused(t, map[string]*TCPProbe{
		`port: "0" is not a port from 1 to 65535`:                    {Connection: Connection{Port: "0"}},
		`port: "65536" is not a port from 1 to 65535`:                {Connection: Connection{Port: "65536"}},
		`port: "http" is not a port from 1 to 65535`:                 {Connection: Connection{Port: "http"}},
		"port: conflicts with upstream, which has a port of its own": {Connection: Connection{Port: "80", Upstream: "a:80"}},
		"port: unrecognized placeholder {http.port}":                 {Connection: Connection{Port: "{http.port}"}},
		"upstream: unrecognized placeholder {a.b}":                   {Connection: Connection{Upstream: "{a.b}:80"}},
		"upstream: no probe over unixpacket; expected tcp or unix":   {Connection: Connection{Upstream: "unixpacket//a"}},
		`proxy_protocol: "v3" is not v1 or v2`:                       {Connection: Connection{ProxyProtocol: "v3"}},
		"tls: server_name: unrecognized placeholder {a.b}": {
			Connection: Connection{TLS: &reverseproxy.TLSConfig{ServerName: "{a.b}"}}},
		"tls: failed to load ca module: loading module 'no': unknown module: tls.ca_pool.source.no": {
			Connection: Connection{TLS: &reverseproxy.TLSConfig{CARaw: []byte(`{"provider":"no"}`)}}},
	})
}

// Otherwise the socket stays in TIME_WAIT on the side that closes first.
func TestAProbeResetsItsConnection(t *testing.T) {
	ended := make(chan error, 1)
	e := serve(t, func(c net.Conn) {
		_, err := c.Read(make([]byte, 1))
		ended <- err
	})
	wantError(t, e.Address, checked(t, provisioned(t, &TCPProbe{}), e), "")
	if err := <-ended; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v", err)
	}
}
