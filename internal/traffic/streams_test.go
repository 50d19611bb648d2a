package traffic

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

const roundRobin = "lb_policy smooth_weighted_round_robin"

// streaming is a handler that echoes WebSocket messages at /ws, sends events at /events, and
// answers with the name of the backend elsewhere.
func streaming(b *backend, w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/ws":
		echoMessages(w, r)
	case "/events":
		streamEvents(w, r)
	default:
		writeName(b, w, r)
	}
}

// echoMessages ends without a closing handshake when it reads "die".
func echoMessages(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer conn.CloseNow()
	for {
		kind, message, err := conn.Read(r.Context())
		if err != nil || string(message) == "die" || conn.Write(r.Context(), kind, message) != nil {
			return
		}
	}
}

// allowed is the number of events that backends may send so far. Tests raise it.
var allowed atomic.Int64

func streamEvents(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for i := int64(0); r.Context().Err() == nil; {
		if i >= allowed.Load() {
			time.Sleep(time.Millisecond)
			continue
		}
		fmt.Fprintf(w, "data: %d\n\n", i)
		http.NewResponseController(w).Flush()
		i++
	}
}

func openSocket(t *testing.T, c *client) *websocket.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, c.base+"/ws", &websocket.DialOptions{HTTPClient: c.Client})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return conn
}

func expectEcho(t *testing.T, conn *websocket.Conn, message string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	if err := conn.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
		t.Fatal(err)
	}
	if _, received, err := conn.Read(ctx); err != nil || string(received) != message {
		t.Fatalf("sent %q, got %q, %v", message, received, err)
	}
}

func openEvents(t *testing.T, c *client) *bufio.Reader {
	t.Helper()
	response, err := c.Get(c.base + "/events")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return bufio.NewReader(response.Body)
}

func expectEvent(t *testing.T, events *bufio.Reader, want int) {
	t.Helper()
	line, err := events.ReadString('\n')
	if err != nil || line != fmt.Sprintf("data: %d\n", want) {
		t.Fatalf("got %q, %v, want event %d", line, err, want)
	}
	events.ReadString('\n')
}

func TestWebSocketsOutliveChangesOfTheListAndAreInFlight(t *testing.T) {
	fleet := startBackends(t, 4, streaming)
	list := newListFile(t, fleet[:3]...)
	c := startProxy(t, list.site(roundRobin)).client()
	c.Timeout = 0 // the timeout is for whole requests
	awaitBackends(t, c, fleet[:3]...)
	awaitTurns(t, 3, func() string { return expectOK(t)(c.get("/")).backend })
	var conns []*websocket.Conn
	for range 3 {
		conns = append(conns, openSocket(t, c))
	}
	expectInFlight(t, fleet[:3].each(1))
	for _, left := range [][]*backend{fleet[1:], fleet[3:], fleet} {
		list.write(left...)
		awaitBackends(t, c, left...)
		for i, conn := range conns {
			expectEcho(t, conn, fmt.Sprint("message ", i))
		}
		expectInFlight(t, fleet[:3].each(1))
	}
	for _, conn := range conns {
		conn.Close(websocket.StatusNormalClosure, "")
	}
	expectInFlight(t, nil)
}

func TestAWebSocketMayOutliveItsConfig(t *testing.T) {
	fleet := startBackends(t, 1, streaming)
	site := pooled(fleet, "stream_close_delay 1h")
	p := startProxy(t, site)
	c := p.client()
	c.Timeout = 0
	conn := openSocket(t, c)
	for i := range 3 {
		if err := p.reload(site, fmt.Sprintf("respond %d", i)); err != nil {
			t.Fatal(err)
		}
		expectEcho(t, conn, "still there")
		expectInFlight(t, fleet.each(1))
	}
	conn.Close(websocket.StatusNormalClosure, "")
	expectInFlight(t, nil)
}

func TestAWebSocketThatEndsWithItsConfigReleasesItsPlace(t *testing.T) {
	fleet := startBackends(t, 1, streaming)
	p := startProxy(t, pooled(fleet, ""))
	c := p.client()
	c.Timeout = 0
	conn := openSocket(t, c)
	expectInFlight(t, fleet.each(1))
	if err := p.reload(pooled(fleet, ""), "respond other"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := conn.Read(t.Context()); err == nil {
		t.Error("the connection is still open")
	}
	expectInFlight(t, nil)
}

func TestABrokenWebSocketReleasesItsPlace(t *testing.T) {
	fleet := startBackends(t, 1, streaming)
	c := startProxy(t, pooled(fleet, "")).client()
	c.Timeout = 0
	for side, end := range map[string]func(*websocket.Conn){
		"client": func(conn *websocket.Conn) { conn.CloseNow() },
		"backend": func(conn *websocket.Conn) {
			conn.Write(t.Context(), websocket.MessageText, []byte("die"))
			conn.Read(t.Context()) // until the client reads the end, the connection is half closed
			conn.CloseNow()
		},
	} {
		t.Run(side, func(t *testing.T) {
			conn := openSocket(t, c)
			expectInFlight(t, fleet.each(1))
			end(conn)
			expectInFlight(t, nil)
		})
	}
}

func TestAnUpgradedConnectionIsInFlightUntilBothSidesEnd(t *testing.T) {
	received := make(chan string)
	fleet := startBackends(t, 1, func(b *backend, w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nall I have")
		conn.(*net.TCPConn).CloseWrite()
		rest, _ := io.ReadAll(conn)
		received <- string(rest)
	})
	p := startProxy(t, pooled(fleet, ""))
	conn, err := net.Dial("unix", p.SiteSocket(0))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: site\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n")
	if sent, err := io.ReadAll(conn); err != nil || !strings.HasSuffix(string(sent), "all I have") {
		t.Fatalf("got %q, %v", sent, err)
	}
	expectInFlight(t, fleet.each(1))
	io.WriteString(conn, "an answer")
	conn.Close()
	if answer := receive(t, received); answer != "an answer" {
		t.Errorf("the backend got %q", answer)
	}
	expectInFlight(t, nil)
}

func TestServerSentEventsOutliveListsAndReloads(t *testing.T) {
	fleet := startBackends(t, 3, streaming)
	list := newListFile(t, fleet[:2]...)
	p := startProxy(t, list.site(roundRobin))
	c := p.client()
	c.Timeout = 0
	awaitBackends(t, c, fleet[:2]...)
	awaitTurns(t, 2, func() string { return expectOK(t)(c.get("/")).backend })
	allowed.Store(1)
	events := []*bufio.Reader{openEvents(t, c), openEvents(t, c)}
	next := func(i int) {
		t.Helper()
		allowed.Store(int64(i) + 1)
		for _, e := range events {
			expectEvent(t, e, i)
		}
		expectInFlight(t, fleet[:2].each(1))
	}
	next(0)
	list.write(fleet[2])
	awaitBackends(t, c, fleet[2])
	next(1)
	if err := p.reload(list.site("")); err != nil {
		t.Fatal(err)
	}
	next(2)
}
