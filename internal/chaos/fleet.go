package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/chaos/backend"
	"github.com/caddy-balance/caddy-balance/internal/freeport"
	"github.com/caddy-balance/caddy-balance/internal/process"
)

// server is a backend, whose process may be replaced.
type server struct {
	*process.Process
	name, folder string
	addresses    []string
}

// newServer starts a backend at addresses, or at a free one.
func (t *trial) newServer(name string, addresses ...string) (*server, error) {
	s := &server{name: name, folder: filepath.Join(t.folder, name), addresses: addresses}
	if len(addresses) == 0 {
		address, err := freeport.Address()
		if err != nil {
			return nil, err
		}
		s.addresses = []string{address}
	}
	if err := os.Mkdir(s.folder, 0o755); err != nil {
		return nil, err
	}
	t.servers = append(t.servers, s)
	return s, s.start(t.ctx)
}

// startFleet starts backends with an address each, and lists them.
func (t *trial) startFleet(n int) error {
	for i := range n {
		s, err := t.newServer(fmt.Sprint("b", i))
		if err != nil {
			return err
		}
		t.list = append(t.list, &entry{Address: s.addresses[0]})
	}
	return nil
}

func (s *server) start(ctx context.Context) (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := append([]string{backendCommand, s.name}, s.addresses...)
	if s.Process, err = process.Start(s.folder, self, args...); err != nil {
		return err
	}
	last := s.addresses[len(s.addresses)-1]
	if err := s.AwaitListener(ctx, "tcp", last); err != nil {
		return fmt.Errorf("backend %s: %w\n%s", s.name, err, s.Output())
	}
	return nil
}

func (s *server) order(o backend.Orders) error {
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	_, err = s.control(http.MethodPut, text)
	return err
}

func (s *server) state() (backend.State, error) { return s.control(http.MethodGet, nil) }

// saw reports whether a backend has seen the request with an id. One that was killed since has not.
func (t *trial) saw(id string) bool {
	for _, s := range t.servers {
		response, err := controlClient.Get("http://" + s.addresses[0] + backend.SeenPath + id)
		if err != nil {
			continue
		}
		response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return true
		}
	}
	return false
}

// controlClient opens a connection for each request, because backends are killed.
var controlClient = &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}

func (s *server) control(method string, body []byte) (state backend.State, err error) {
	request, err := http.NewRequest(method, "http://"+s.addresses[0]+backend.ControlPath, bytes.NewReader(body))
	if err != nil {
		return state, err
	}
	response, err := controlClient.Do(request)
	if err != nil {
		return state, err
	}
	defer response.Body.Close()
	return state, json.NewDecoder(response.Body).Decode(&state)
}
