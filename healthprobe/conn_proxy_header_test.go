package healthprobe

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/pires/go-proxyproto"
	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

const localHeader = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"

// headerOf returns the first bytes that a check sends, up to the length of a header.
func headerOf(t *testing.T, probe Probe, listener net.Listener, address string, length func(c net.Conn) int) string {
	t.Helper()
	got := make(chan string, 1)
	serveOn(t, listener, func(c net.Conn) {
		header := make([]byte, length(c))
		n, _ := bufio.NewReader(c).Read(header)
		select {
		case got <- string(header[:n]):
		default:
		}
	})
	_ = checked(t, probe, &Endpoint{Address: address}) // fails, because the server closes
	return <-got
}

func listen(t *testing.T, network, address string) net.Listener {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Skip(err)
	}
	return listener
}

func TestVersion1NamesTheTwoEndsOfTheConnection(t *testing.T) {
	probe := provisioned(t, &TCPProbe{Expect: "x", Connection: Connection{ProxyProtocol: "v1"}})
	for network, address := range map[string]string{
		"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0", "unix": filepath.Join(t.TempDir(), "s"),
	} {
		listener := listen(t, network, address)
		var want string
		got := headerOf(t, probe, listener, strings.TrimPrefix(network+"/"+listener.Addr().String(), "tcp4/"), func(c net.Conn) int {
			want = "PROXY UNKNOWN\r\n"
			if from, ok := c.RemoteAddr().(*net.TCPAddr); ok {
				to := c.LocalAddr().(*net.TCPAddr)
				want = fmt.Sprintf("PROXY %s %s %s %d %d\r\n", strings.ToUpper(network), from.IP, to.IP, from.Port, to.Port)
			}
			return len(want)
		})
		if got != want {
			t.Errorf("%s: got %q, want %q", network, got, want)
		}
	}
}

func TestEveryProbeSendsTheHeaderFirst(t *testing.T) {
	verifyNoLeaks(t)
	for _, info := range caddy.GetModules("http.reverse_proxy.upstreams.pool.probes") {
		probe := info.New()
		connection := reflect.ValueOf(probe).Elem().FieldByName("Connection")
		if !connection.IsValid() {
			continue
		}
		connection.Addr().Interface().(*Connection).ProxyProtocol = "v2"
		if agent, ok := probe.(*AgentProbe); ok {
			agent.Upstream = "{endpoint.address}"
		}
		if err := provision(t, probe.(caddy.Provisioner)); err != nil {
			t.Fatal(info.ID, err)
		}
		listener := listen(t, "tcp", "127.0.0.1:0")
		size := func(net.Conn) int { return len(localHeader) }
		got := headerOf(t, probe.(Probe), listener, listener.Addr().String(), size)
		if got != localHeader {
			t.Errorf("%s: got %q", info.ID, got)
		}
	}
}

// requiring returns a listener that accepts only connections with a header, and records headers.
func requiring(t *testing.T, last **proxyproto.Header) *proxyproto.Listener {
	return &proxyproto.Listener{
		Listener:   listen(t, "tcp", "127.0.0.1:0"),
		ConnPolicy: func(proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) { return proxyproto.REQUIRE, nil },
		ValidateHeader: func(h *proxyproto.Header) error {
			*last = h
			return nil
		},
	}
}

func TestAServerThatDemandsTheHeaderIsHealthy(t *testing.T) {
	for _, version := range []string{"v1", "v2", ""} {
		for name, c := range map[string]struct {
			tls *tls.Config
			new func(Connection) Probe
		}{
			"plain":      {nil, func(c Connection) Probe { return provisioned(t, &HTTPProbe{Connection: c}) }},
			"below TLS":  {newCertificate(t).server(), func(c Connection) Probe { c.TLS = named("").TLS; return provisioned(t, &HTTPProbe{Connection: c}) }},
			"every time": {nil, func(c Connection) Probe { return provisioned(t, &HTTPProbe{Connection: c, FreshConnections: true}) }},
		} {
			var header *proxyproto.Header
			demanding := requiring(t, &header)
			listener := net.Listener(demanding)
			if c.tls != nil {
				listener = tls.NewListener(listener, c.tls)
			}
			server := &http.Server{Handler: http.HandlerFunc(answering(200)), ErrorLog: discardLog}
			go server.Serve(listener)
			t.Cleanup(func() { server.Close() })
			target := &Target{Endpoint: &Endpoint{Address: demanding.Addr().String()}}
			probe := c.new(Connection{ProxyProtocol: version})
			for i := range 3 {
				if err := checkedAgain(t, probe, target, i == 2); (err == nil) != (version != "") {
					t.Errorf("%s, %q: check %d: %v", name, version, i, err)
				}
			}
			if version != "" && (header == nil || fmt.Sprint("v", header.Version) != version || header.Command.IsLocal() != (version == "v2")) {
				t.Errorf("%s, %q: the header is %+v", name, version, header)
			}
		}
	}
}

func TestAGRPCServerThatDemandsTheHeaderIsHealthy(t *testing.T) {
	verifyNoLeaks(t)
	for _, version := range []string{"v1", "v2"} {
		var header *proxyproto.Header
		listener := requiring(t, &header)
		server := grpc.NewServer()
		healthpb.RegisterHealthServer(server, healthServer(nil))
		done := make(chan error)
		go func() { done <- server.Serve(listener) }()
		t.Cleanup(func() { server.Stop(); <-done })
		probe := provisioned(t, &GRPCProbe{Connection: Connection{ProxyProtocol: version}})
		wantError(t, version, checked(t, probe, &Endpoint{Address: listener.Addr().String()}), "")
		if header == nil || fmt.Sprint("v", header.Version) != version {
			t.Errorf("%s: the header is %+v", version, header)
		}
	}
}
