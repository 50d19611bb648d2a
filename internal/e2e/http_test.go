package e2e

import (
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// httpRegistry is a web server that answers with its list of endpoints.
type httpRegistry struct {
	t       *testing.T
	address string
	link    *link
	server  *http.Server // nil while it is down

	mu   sync.Mutex
	list map[string]object // by address
}

func TestHTTP(t *testing.T) { runScenarios(t, startHTTP) }

func startHTTP(t *testing.T) *httpRegistry {
	t.Helper()
	address := caddytest.FreeAddress(t)
	h := &httpRegistry{t: t, address: address, link: startLink(t, address), list: make(map[string]object)}
	h.restart()
	t.Cleanup(h.kill)
	return h
}

func (h *httpRegistry) source() string {
	return "http http://" + h.link.address + "/list {\ninterval 1s\ntimeout 2s\n}"
}

func (h *httpRegistry) registryLink() *link { return h.link }

func (h *httpRegistry) kill() {
	if h.server != nil {
		h.server.Close()
		h.server = nil
	}
}

func (h *httpRegistry) restart() {
	h.t.Helper()
	h.kill()
	listener, err := net.Listen("tcp", h.address)
	if err != nil {
		h.t.Fatal(err)
	}
	h.server = &http.Server{Handler: h}
	go h.server.Serve(listener)
}

func (h *httpRegistry) restartEmpty() {
	h.mu.Lock()
	clear(h.list)
	h.mu.Unlock()
	h.restart()
}

func (h *httpRegistry) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(inJSON(h.list))
}

func (h *httpRegistry) put(entries ...entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range entries {
		h.list[e.address] = e.fields()
	}
}

func (h *httpRegistry) remove(entries ...entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range entries {
		delete(h.list, e.address)
	}
}
