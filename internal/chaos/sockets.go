package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/caddy-balance/caddy-balance/internal/chaos/backend"
)

var sockets = scenario{
	name:    "websockets",
	about:   "Five hundred websockets are idle through a reload and the removal of a backend, and work afterwards.",
	prepare: startSix,
	during: func(t *trial) error {
		open, err := t.openSockets(t.in(50, 500))
		defer open.close()
		if err != nil {
			return err
		}
		for _, step := range []func() error{
			func() error { return nil },
			t.reload,
			func() error { t.list = t.list[1:]; return t.publish() },
		} {
			if err := step(); err != nil {
				return err
			}
			if err := t.pause(time.Duration(t.in(1, 5)) * time.Second); err != nil {
				return err
			}
		}
		working := open.working(t.ctx)
		t.expect(working == len(open), "%d of %d websockets work", working, len(open))
		return nil
	},
}

type openSockets []*websocket.Conn

func (t *trial) openSockets(n int) (open openSockets, err error) {
	client := &http.Client{Transport: socketTransport(t.proxy.site())}
	for range n {
		socket, _, err := websocket.Dial(t.ctx, fmt.Sprintf("ws://%s%s", t.hosts[0], backend.SocketPath),
			&websocket.DialOptions{HTTPClient: client})
		if err != nil {
			return open, err
		}
		open = append(open, socket)
	}
	return open, nil
}

// working returns the number of sockets that send a message back.
func (o openSockets) working(ctx context.Context) int {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var n atomic.Int64
	var all sync.WaitGroup
	for _, socket := range o {
		all.Go(func() {
			if socket.Write(ctx, websocket.MessageText, []byte("?")) != nil {
				return
			}
			if _, text, err := socket.Read(ctx); err == nil && string(text) == "?" {
				n.Add(1)
			}
		})
	}
	all.Wait()
	return int(n.Load())
}

func (o openSockets) close() {
	for _, socket := range o {
		socket.CloseNow()
	}
}
