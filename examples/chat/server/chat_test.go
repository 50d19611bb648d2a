package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	_ "github.com/caddy-balance/caddy-balance"
	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

func TestMain(m *testing.M) { os.Exit(caddytest.RunIsolated(m)) }

// member is a client in a room.
type member struct {
	t *testing.T
	*websocket.Conn
}

func join(t *testing.T, base, room string) (m member, server string) {
	t.Helper()
	ctx, done := context.WithTimeout(t.Context(), time.Minute)
	defer done()
	conn := dial(ctx, t, base+"/chat?room="+room)
	t.Cleanup(func() { _ = conn.CloseNow() })
	m = member{t, conn}
	server, _, _ = strings.Cut(m.hears("someone joined room "+room), ": ")
	return m, server
}

// dial tries again if that fails, as clients of a chat do. During a reload Caddy closes what the
// old config has accepted and not read yet.
func dial(ctx context.Context, t *testing.T, url string) *websocket.Conn {
	t.Helper()
	for {
		conn, _, err := websocket.Dial(ctx, url, nil)
		if err == nil {
			return conn
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// hears waits for a text that ends in a certain way.
func (m member) hears(end string) (text string) {
	m.t.Helper()
	ctx, done := context.WithTimeout(m.t.Context(), time.Minute)
	defer done()
	for !strings.HasSuffix(text, end) || text == "" {
		_, data, err := m.Read(ctx)
		if err != nil {
			m.t.Fatal(err)
		}
		text = string(data)
	}
	return text
}

func TestAllInARoomMeetAtOneServer(t *testing.T) {
	c := caddytest.New(t)
	e := c.Example("../Caddyfile")
	for _, port := range []string{"9141", "9142", "9143"} {
		address := e.Address(port)
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: newChat(address), ReadHeaderTimeout: time.Minute}
		go server.Serve(listener)
		t.Cleanup(func() { server.Close() })
	}
	c.Start(e.Text)
	t.Cleanup(c.Stop)
	base := "ws://" + strings.Replace(e.Address("8080"), "127.0.0.1", "localhost", 1)
	servers, members := make(map[string]int), make(map[string]member)
	for n := range 9 {
		room := fmt.Sprint("room", n)
		first, server := join(t, base, room)
		members[room] = first
		servers[server]++
	}
	if len(servers) != 3 {
		t.Errorf("nine rooms are at %v", servers)
	}
	c.Start(e.Text) // a reload
	for room, first := range members {
		second, _ := join(t, base, room)
		first.hears("someone joined room " + room)
		if err := second.Write(t.Context(), websocket.MessageText, []byte("hello in "+room)); err != nil {
			t.Fatal(err)
		}
		first.hears("hello in " + room)
	}
}
