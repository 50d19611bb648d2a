package layer4_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// hanging returns the address of a server that accepts connections and never sends anything.
func hanging(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener.Addr().String() // the kernel accepts for it
}

func TestAnEndpointThatDoesNotCompleteTLSInTimeIsNotWaitedFor(t *testing.T) {
	certificate := caddytest.NewCertificate(t)
	f, a := newFront(t), listenAs(t, "a", "127.0.0.1:0", overTLS(certificate.Pair))
	f.start(inOrder(hanging(t), a.address()) + fmt.Sprintf("connect_timeout 1s\ntls_trust_pool file %s\ntls_server_name %s",
		certificate.CertFile, caddytest.ServerName))
	c := connect(t, f.address)
	c.wantAnswerBy("a")
	c.Close()
	f.wantInFlight(0)
}

func TestAnEndpointAtAUnixSocketIsServed(t *testing.T) {
	path := filepath.Join(caddytest.SocketDir(t), "a")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	f, a := newFront(t), serveOn(t, "a", listener, nil)
	f.start("source static unix/" + path)
	f.wantHalfCloseAt("a")
	a.kill()
	if _, err := connect(t, f.address).ask("hello"); err == nil {
		t.Error("something answers")
	}
	f.wantInFlight(0)
}

// The list comes over HTTP, because what a config or its files name is not judged.
func TestAnEndpointThatTheRulesDenyIsNotDialed(t *testing.T) {
	f, a := newFront(t), newBackend(t, "a")
	_, port, _ := net.SplitHostPort(a.address())
	for name, address := range map[string]string{"an address": a.address(), "a name": "localhost:" + port} {
		list := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `[{"address": %q}]`, address)
		}))
		t.Cleanup(list.Close)
		options := "source http " + list.URL + "\ninitial_wait 1s\n"
		f.start(options)
		c := connect(t, f.address)
		c.wantAnswerBy("a")
		c.Close()
		f.caddy.Stop()
		caddytest.Eventually(t, patience, "no connection", func() bool { return a.connections() == 0 })
		f.start(options + "deny 127.0.0.0/8 ::1")
		if _, err := connect(t, f.address).ask("hello"); err == nil {
			t.Errorf("%s is dialed", name)
		}
		f.caddy.Stop()
	}
	if n := a.connections(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

func TestAServerMayCloseFirst(t *testing.T) {
	received := make(chan string, 1)
	server := caddytest.Serve(t, func(conn net.Conn) {
		io.WriteString(conn, "welcome and goodbye\n")
		conn.(*net.TCPConn).CloseWrite()
		rest, _ := io.ReadAll(conn) // what the client sends after that
		received <- string(rest)
	})
	f := newFront(t)
	f.start("source static " + server)
	c := connect(t, f.address)
	if text, err := io.ReadAll(c); string(text) != "welcome and goodbye\n" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	f.wantInFlight(1)
	io.WriteString(c, "thank you")
	c.Close()
	if got := <-received; got != "thank you" {
		t.Errorf("the server got %q", got)
	}
	f.wantInFlight(0)
}
