package healthprobe

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// listenWithZone returns a listener at [::1], and its address with the zone of the loopback
// interface.
func listenWithZone(t *testing.T) (listener net.Listener, withZone, withoutZone string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the name of the loopback interface differs")
	}
	listener, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return listener, net.JoinHostPort("::1%lo", port), net.JoinHostPort("::1", port)
}

func TestAZoneIsForDiallingOnly(t *testing.T) {
	for given, want := range map[string][3]string{
		"[fe80::1%eth0]:80": {"[fe80::1%eth0]:80", "[fe80::1]:80", "fe80::1"},
		"[fe80::1]:80":      {"[fe80::1]:80", "[fe80::1]:80", "fe80::1"},
		"10.0.0.7:80":       {"10.0.0.7:80", "10.0.0.7:80", "10.0.0.7"},
		"web.test:80":       {"web.test:80", "web.test:80", "web.test"},
		"unix//a%b":         {"/a%b", "localhost", "localhost"},
	} {
		a, err := parseAddress(given)
		if got := [3]string{a.socket, a.authority(), a.name()}; err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", given, got, err, want)
		}
		if a.network == "unix" {
			continue
		}
		if a, err = a.withPort("81"); err != nil || a.name() != want[2] {
			t.Errorf("%s at port 81: got %q, %v", given, a.name(), err)
		}
	}
}

func TestAGRPCProbeChecksAnAddressWithAZone(t *testing.T) {
	verifyNoLeaks(t)
	c := newCertificate(t)
	for name, v := range map[string]struct {
		probe   *GRPCProbe
		options []grpc.ServerOption
	}{
		"plain": {&GRPCProbe{}, nil},
		"tls": {
			&GRPCProbe{Connection: Connection{TLS: c.trusted(t)}},
			[]grpc.ServerOption{grpc.Creds(credentials.NewTLS(c.server()))},
		},
	} {
		listener, withZone, withoutZone := listenWithZone(t)
		server := new(recordingServer)
		serveGRPCOn(t, listener, server, v.options...)
		wantError(t, name, checked(t, provisioned(t, v.probe), &Endpoint{Address: withZone}), "")
		if len(server.authority) != 1 || server.authority[0] != withoutZone {
			t.Errorf("%s: the authority is %q, want %s", name, server.authority, withoutZone)
		}
	}
}

func TestAnHTTPProbeChecksAnAddressWithAZone(t *testing.T) {
	verifyNoLeaks(t)
	c := newCertificate(t)
	for name, v := range map[string]struct {
		probe *HTTPProbe
		tls   *tls.Config
	}{
		"plain":  {&HTTPProbe{}, nil},
		"tls":    {&HTTPProbe{Connection: Connection{TLS: c.trusted(t)}}, c.server()},
		"HTTP/2": {&HTTPProbe{Versions: []string{"2"}, Connection: Connection{TLS: c.trusted(t)}}, c.server()},
	} {
		var host string
		record := func(_ http.ResponseWriter, r *http.Request) { host = r.Host }
		server := httptest.NewUnstartedServer(http.HandlerFunc(record))
		server.Listener.Close()
		listener, withZone, withoutZone := listenWithZone(t)
		server.Listener = listener
		if server.EnableHTTP2 = true; v.tls != nil {
			server.TLS = v.tls
			server.StartTLS()
		} else {
			server.Start()
		}
		t.Cleanup(server.Close)
		wantError(t, name, checked(t, provisioned(t, v.probe), &Endpoint{Address: withZone}), "")
		if host != withoutZone {
			t.Errorf("%s: the Host is %q, want %s", name, host, withoutZone)
		}
	}
}
