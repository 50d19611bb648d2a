package healthprobe

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// serveInTurn returns an endpoint that answers requests with the answers in turn, over all its
// connections, and counts connections. An empty answer closes the connection.
func serveInTurn(t *testing.T, answers ...string) (e *Endpoint, connections *atomic.Int32) {
	connections = new(atomic.Int32)
	next := 0
	e = serve(t, func(c net.Conn) {
		connections.Add(1)
		for {
			if _, err := c.Read(make([]byte, 4096)); err != nil {
				return
			}
			answer := answers[next%len(answers)]
			if next++; answer == "" {
				return
			}
			io.WriteString(c, answer)
		}
	})
	return e, connections
}

const empty = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

func TestAConnectionIsKeptIfTheAnswerWasComplete(t *testing.T) {
	verifyNoLeaks(t)
	line := "HTTP/1.1 200 OK\r\n"
	long := strings.Repeat("x", 2*maxDrain)
	for name, c := range map[string]struct {
		probe  HTTPProbe
		answer string
		keeps  bool
	}{
		"no body":            {HTTPProbe{}, empty, true},
		"no content":         {HTTPProbe{}, "HTTP/1.1 204 No Content\r\n\r\n", true},
		"length":             {HTTPProbe{}, line + "Content-Length: 2\r\n\r\nok", true},
		"length, read":       {HTTPProbe{ExpectBody: "^ok$"}, line + "Content-Length: 2\r\n\r\nok", true},
		"chunks":             {HTTPProbe{}, line + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", true},
		"chunks, read":       {HTTPProbe{ExpectBody: "^ok$"}, line + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", true},
		"part of the body":   {HTTPProbe{ExpectBody: "^o$", MaxSize: 1}, line + "Content-Length: 2\r\n\r\nok", true},
		"HEAD":               {HTTPProbe{Method: "HEAD"}, line + "Content-Length: 2\r\n\r\n", true},
		"announced":          {HTTPProbe{}, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + empty, true},
		"a body for HEAD":    {HTTPProbe{Method: "HEAD"}, line + "Content-Length: 2\r\n\r\nok", false},
		"two answers":        {HTTPProbe{}, empty + empty, false},
		"a long body":        {HTTPProbe{}, line + "Content-Length: 32768\r\n\r\n" + long, false},
		"half a body":        {HTTPProbe{}, line + "Content-Length: 3\r\n\r\nok", false},
		"half of the chunks": {HTTPProbe{}, line + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", false},
		"no length":          {HTTPProbe{}, line + "\r\nok", false},
		"closing":            {HTTPProbe{}, line + "Connection: close\r\nContent-Length: 0\r\n\r\n", false},
		"HTTP/1.0":           {HTTPProbe{}, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false},
		"HTTP/1.0, kept":     {HTTPProbe{}, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", false},
		"another protocol":   {HTTPProbe{ExpectStatus: []caddyhttp.WeakString{"101"}}, "HTTP/1.1 101 Switching Protocols\r\n\r\n", false},
		"fresh connections":  {HTTPProbe{FreshConnections: true}, empty, false},
	} {
		e, connections := serveInTurn(t, c.answer)
		probe, target := provisioned(t, &c.probe), &Target{Endpoint: e}
		for i := range 3 {
			wantError(t, name, checkedAgain(t, probe, target, i == 2), "")
		}
		if n := connections.Load(); c.keeps && n != 1 || !c.keeps && n != 3 {
			t.Errorf("%s: %d connections for 3 checks", name, n)
		}
	}
}

func TestAKeptConnectionThatWasClosedIsNoFailure(t *testing.T) {
	verifyNoLeaks(t)
	e, connections := serveInTurn(t, empty, "") // closes the connection when the second request arrives
	probe, target := provisioned(t, &HTTPProbe{Method: "POST", Body: "x"}), &Target{Endpoint: e}
	wantError(t, "first", checkedAgain(t, probe, target, false), "")
	wantError(t, "second", checkedAgain(t, probe, target, true), "")
	if n := connections.Load(); n != 2 {
		t.Errorf("%d connections", n)
	}
}

func TestDataOnAnIdleConnectionIsNotAnAnswer(t *testing.T) {
	verifyNoLeaks(t)
	speak, spoken := make(chan bool), make(chan bool)
	e := serve(t, func(c net.Conn) {
		c.Read(make([]byte, 4096))
		io.WriteString(c, empty)
		if <-speak {
			io.WriteString(c, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n")
			spoken <- true
		}
	})
	probe, target := provisioned(t, &HTTPProbe{}), &Target{Endpoint: e}
	wantError(t, "first", checkedAgain(t, probe, target, false), "")
	speak <- true
	<-spoken
	wantError(t, "second", checkedAgain(t, probe, target, true), "")
	speak <- false
}

func TestAConnectionOfAFailedCheckIsNotKept(t *testing.T) {
	verifyNoLeaks(t)
	for answer, want := range map[string]string{
		"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n": "GET /: status 503",
		"HTTP/2\r\n": `GET /: malformed HTTP response "HTTP/2"`,
	} {
		e, connections := serveInTurn(t, empty, answer, empty)
		probe, target := provisioned(t, &HTTPProbe{}), &Target{Endpoint: e}
		wantError(t, answer, checkedAgain(t, probe, target, false), "")
		wantError(t, answer, checkedAgain(t, probe, target, false), want)
		wantError(t, answer, checkedAgain(t, probe, target, true), "")
		if n := connections.Load(); n != 2 {
			t.Errorf("%q: %d connections", answer, n)
		}
	}
}

func TestAConnectionIsRenewedAfterSomeChecks(t *testing.T) {
	verifyNoLeaks(t)
	e, connections := serveInTurn(t, empty)
	probe, target := provisioned(t, &HTTPProbe{}), &Target{Endpoint: e}
	defer target.closeKept()
	uses := map[int32]int{} // of each connection
	for range 200 {
		wantError(t, e.Address, checkedAgain(t, probe, target, false), "")
		uses[connections.Load()]++
	}
	delete(uses, connections.Load()) // not yet used up
	for i, n := range uses {
		if n < minUses || n > maxUses {
			t.Errorf("connection %d served %d checks", i, n)
		}
	}
	if len(uses) < 200/maxUses-1 {
		t.Errorf("%d connections for 200 checks", len(uses))
	}
}

func TestAKeptConnectionIsForOneAddress(t *testing.T) {
	verifyNoLeaks(t)
	e, connections := serveInTurn(t, empty)
	other, others := serveInTurn(t, empty)
	probe, target := provisioned(t, &HTTPProbe{}), &Target{Endpoint: e}
	wantError(t, e.Address, checkedAgain(t, probe, target, false), "")
	target.Endpoint = &Endpoint{Address: e.Address, Weight: 7}
	wantError(t, "weight", checkedAgain(t, probe, target, false), "")
	target.Endpoint = other
	wantError(t, other.Address, checkedAgain(t, probe, target, true), "")
	if connections.Load() != 1 || others.Load() != 1 {
		t.Errorf("%d and %d connections", connections.Load(), others.Load())
	}
}

func TestConnectionsAreKeptOverTLSAndUnixSockets(t *testing.T) {
	verifyNoLeaks(t)
	c := newCertificate(t)
	socket, err := net.Listen("unix", filepath.Join(t.TempDir(), "app.sock"))
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var handshakes atomic.Int32
	config := c.server()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { handshakes.Add(1); return nil, nil }
	overTLS := HTTPProbe{Connection: Connection{TLS: c.trusted(t)}}
	for address, v := range map[string]struct {
		listener net.Listener
		probe    HTTPProbe
	}{
		"unix/" + socket.Addr().String(): {socket, HTTPProbe{}},
		tcp.Addr().String():              {tls.NewListener(tcp, config), overTLS},
	} {
		server := httptest.NewUnstartedServer(nil)
		server.Listener.Close()
		server.Listener = v.listener
		var connections atomic.Int32
		server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
		server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				connections.Add(1)
			}
		}
		server.Start()
		probe, target := provisioned(t, &v.probe), &Target{Endpoint: &Endpoint{Address: address}}
		for i := range 3 {
			wantError(t, address, checkedAgain(t, probe, target, i == 2), "")
		}
		server.Close()
		if connections.Load() != 1 {
			t.Errorf("%s: %d connections", address, connections.Load())
		}
	}
	if handshakes.Load() != 1 {
		t.Errorf("%d handshakes", handshakes.Load())
	}
}

func TestRedirectsAreFollowedOverTheSameConnection(t *testing.T) {
	verifyNoLeaks(t)
	e, connections := serveInTurn(t, "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n", empty)
	wantError(t, "", checked(t, provisioned(t, &HTTPProbe{FollowRedirects: true}), e), "")
	if connections.Load() != 1 {
		t.Errorf("%d connections", connections.Load())
	}
}
