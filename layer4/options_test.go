package layer4_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pires/go-proxyproto"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

func TestTheEndpointLearnsTheAddressOfTheClient(t *testing.T) {
	for _, version := range []string{"v1", "v2"} {
		t.Run(version, func(t *testing.T) {
			seen := make(chan string, 1)
			f, a := newFront(t), listenAs(t, "a", "127.0.0.1:0", func(conn net.Conn) (net.Conn, error) {
				proxied := proxyproto.NewConn(conn)
				seen <- proxied.RemoteAddr().String()
				return proxied, nil
			})
			f.start(fmt.Sprintf("source static %s\nproxy_protocol %s", a.address(), version))
			c := connect(t, f.address)
			c.wantAnswerBy("a")
			if got := <-seen; got != c.LocalAddr().String() {
				t.Errorf("the endpoint sees %s, and the client is %s", got, c.LocalAddr())
			}
		})
	}
}

func TestEndpointsMaySpeakTLS(t *testing.T) {
	certificate := caddytest.NewCertificate(t)
	f, a := newFront(t), listenAs(t, "a", "127.0.0.1:0", overTLS(certificate.Pair))
	f.start(fmt.Sprintf("source static %s\ntls_trust_pool file %s\ntls_server_name %s",
		a.address(), certificate.CertFile, caddytest.ServerName))
	f.wantHalfCloseAt("a")
}

func TestAnEndpointWithoutTrustedCertificateGetsNothing(t *testing.T) {
	certificate := caddytest.NewCertificate(t)
	f, a := newFront(t), listenAs(t, "a", "127.0.0.1:0", overTLS(certificate.Pair))
	f.start(fmt.Sprintf("source static %s\ntls", a.address()))
	if _, err := connect(t, f.address).ask("secret"); err == nil {
		t.Error("it answers")
	}
	f.wantInFlight(0)
}

func TestAnIdleConnectionIsClosed(t *testing.T) {
	f, a := newFront(t), newBackend(t, "a")
	f.start(fmt.Sprintf("source static %s\nidle_timeout 1s", a.address()))
	c := connect(t, f.address)
	c.wantAnswerBy("a")
	c.wantClosed()
	f.wantInFlight(0)
}

func TestWhatMatchersHaveReadAheadReachesTheEndpoint(t *testing.T) {
	f, a := newFront(t), newBackend(t, "a")
	f.caddy.Start(f.caddy.GlobalOptions(fmt.Sprintf(
		"layer4 {\n%s {\n@long regexp ^y+z 9000\nroute @long {\npool test {\nsource static %s\n}\n}\n}\n}",
		f.address, a.address())))
	c := connect(t, f.address)
	for range 3 {
		if _, err := c.ask(strings.Repeat("y", 8999) + "z"); err != nil { // longer than the first buffer
			t.Fatal(err)
		}
	}
}

// TestConnectionsCloseWhenTheirEndpointLosesItsRole has two databases with an agent beside each
// that says which of them is the primary.
func TestConnectionsCloseWhenTheirEndpointLosesItsRole(t *testing.T) {
	for name, c := range map[string]struct {
		option string
		closes bool
	}{
		"asked for":     {"close_on_unhealthy 0s", true},
		"with a grace":  {"close_on_unhealthy 50ms", true},
		"not asked for": {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			f, a := newFront(t), newBackend(t, "a")
			b := listenAs(t, "b", "127.0.0.2:0", nil)
			var primary atomic.Pointer[backend]
			primary.Store(a)
			port := serveRoles(t, &primary)
			config := fmt.Sprintf("source static %s %s\n"+
				"health {\nprobe http / {\nport %d\n}\ninterval 100ms\nrise 1\nfall 1\n}\n"+
				"fail_open off\n%s", a.address(), b.address(), port, c.option)
			f.start(config)
			var conn *client
			caddytest.Eventually(t, patience, "the primary answers", func() bool {
				conn = connect(t, f.address)
				name, err := conn.ask("hello")
				return name == "a" && err == nil
			})
			f.reload(config) // a reload keeps connections, and their endpoint is still watched
			conn.wantAnswerBy("a")
			primary.Store(b)
			caddytest.Eventually(t, patience, "the new primary answers", func() bool {
				name, err := connect(t, f.address).ask("hello")
				return name == "b" && err == nil
			})
			if !c.closes {
				conn.wantAnswerBy("a")
				return
			}
			conn.wantClosed()
			caddytest.Eventually(t, patience, "no connection at the old primary", func() bool {
				return a.connections() == 0
			})
		})
	}
}

// serveRoles is the agents beside backends at 127.0.0.1 and 127.0.0.2, at the same port.
func serveRoles(t *testing.T, primary *atomic.Pointer[backend]) (port int) {
	t.Helper()
	for _, host := range []string{"127.0.0.1", "127.0.0.2"} {
		listener, err := net.Listen("tcp", fmt.Sprintf("%s:%d", host, port))
		if err != nil {
			t.Fatal(err)
		}
		port = listener.Addr().(*net.TCPAddr).Port
		agent := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasPrefix(primary.Load().address(), host+":") {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		})}
		go agent.Serve(listener)
		t.Cleanup(func() { agent.Close() })
	}
	return port
}
