package main

import (
	"encoding/json"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/freeport"
)

var listServer = scenario{
	name:  "list server",
	about: "The server of the list is down, during a restart of Caddy too, then it sends an empty list, then errors.",
	prepare: func(t *trial) error {
		if err := startSix(t); err != nil {
			return err
		}
		// After the empty list, the one that follows takes effect only then as well.
		t.poolOptions = "empty_grace 10s"
		return t.serveList()
	},
	during: func(t *trial) error {
		if !t.pool {
			return t.pause(10 * time.Second)
		}
		for _, step := range []func() error{
			func() error { t.lists.stop(); return nil },
			t.restart,
			t.lists.start,
			func() error { t.lists.set(http.StatusOK, []byte("[]")); return nil },
			func() error { t.lists.set(http.StatusInternalServerError, nil); return nil },
			func() error { t.list = t.list[1:]; return t.publish() },
		} {
			if err := step(); err != nil {
				return err
			}
			if err := t.pause(1500 * time.Millisecond); err != nil {
				return err
			}
		}
		return t.awaitGone(t.servers[0])
	},
}

// awaitGone waits until a backend that is in no list any more gets no requests.
func (t *trial) awaitGone(s *server) error {
	return t.await(s.name+" gets no requests", func() (bool, error) {
		since := time.Now()
		err := t.pause(time.Second)
		all, by := t.load.answersSince(since)
		return all > 0 && by[s.name] == 0, err
	})
}

// lists is a server of lists, which can be down.
type lists struct {
	address string
	server  *http.Server

	mu     sync.Mutex
	status int
	text   []byte
}

// serveList makes a pool take its list from a server.
func (t *trial) serveList() (err error) {
	if !t.pool {
		return nil
	}
	t.lists = &lists{}
	if t.lists.address, err = freeport.Address(); err != nil {
		return err
	}
	t.source = func() string { return "http http://" + t.lists.address + " {\ninterval 300ms\n}" }
	t.publish = t.publishToServer
	t.closers = append(t.closers, t.lists.stop)
	return t.lists.start()
}

func (t *trial) publishToServer() error {
	text, err := json.Marshal(t.list)
	t.lists.set(http.StatusOK, text)
	return err
}

func (l *lists) start() error {
	listener, err := net.Listen("tcp", l.address)
	if err != nil {
		return err
	}
	l.server = &http.Server{Handler: l}
	go l.server.Serve(listener)
	return nil
}

func (l *lists) stop() { l.server.Close() }

// set makes the server answer with a status and a text.
func (l *lists) set(status int, text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status, l.text = status, text
}

func (l *lists) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w.WriteHeader(l.status)
	w.Write(l.text)
}
