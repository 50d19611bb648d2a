package main

import (
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

//go:embed page.html
var page []byte

// chat is a server with its rooms.
type chat struct {
	name string

	mu    sync.Mutex
	rooms map[string]map[*websocket.Conn]bool
}

// newChat returns a server that gives its name to all who join.
func newChat(name string) http.Handler {
	c := &chat{name: name, rooms: make(map[string]map[*websocket.Conn]bool)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(page) })
	mux.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /chat", c.serve)
	return mux
}

// serve lets a client join a room, and says what the client says to all who are in it.
func (c *chat) serve(w http.ResponseWriter, r *http.Request) {
	room := r.URL.Query().Get("room")
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // the client has been told
	}
	defer conn.CloseNow()
	c.join(room, conn)
	defer c.leave(room, conn)
	c.say(room, fmt.Sprintf("%s: someone joined room %s", c.name, room))
	for {
		_, text, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		c.say(room, string(text))
	}
}

func (c *chat) join(room string, conn *websocket.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rooms[room] == nil {
		c.rooms[room] = make(map[*websocket.Conn]bool)
	}
	c.rooms[room][conn] = true
}

func (c *chat) leave(room string, conn *websocket.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.rooms[room], conn)
	if len(c.rooms[room]) == 0 {
		delete(c.rooms, room)
	}
}

// say sends a text to all in a room. It does not wait long for a client that does not read.
func (c *chat) say(room, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.rooms[room] {
		ctx, done := context.WithTimeout(context.Background(), time.Second)
		_ = conn.Write(ctx, websocket.MessageText, []byte(text))
		done()
	}
}
