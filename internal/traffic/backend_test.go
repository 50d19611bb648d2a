package traffic

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/fcgi"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// backend is a server that can be killed and restarted, and that counts its requests.
type backend struct {
	name    string
	address string      // as in a pool's list: host:port, or unix/ and a path
	handler handlerFunc // answers each request
	serve   serveFunc   // how the listener is served; nil means serveHTTP

	hits     atomic.Int64 // requests, including health checks
	requests atomic.Int64 // requests without health checks
	now      atomic.Int64 // requests at this moment
	most     atomic.Int64 // the highest number of requests at a time

	mu     sync.Mutex
	server *http.Server // nil while killed
}

// handlerFunc answers a request at a backend.
type handlerFunc func(b *backend, w http.ResponseWriter, r *http.Request)

// serveFunc accepts connections until the listener is closed. It speaks one protocol.
type serveFunc func(*http.Server, net.Listener) error

// serveHTTP speaks HTTP/1.1 and h2c.
func serveHTTP(s *http.Server, l net.Listener) error { return s.Serve(l) }

// serveTLS returns a serveFunc that speaks HTTP/1.1 and HTTP/2 over TLS.
func serveTLS(c *caddytest.Certificate) serveFunc {
	return func(s *http.Server, l net.Listener) error {
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{c.Pair}}
		return s.ServeTLS(l, "", "")
	}
}

// serveFastCGI speaks FastCGI.
func serveFastCGI(s *http.Server, l net.Listener) error { return fcgi.Serve(l, s.Handler) }

// fleet is a list of backends.
type fleet []*backend

// startBackends starts n backends that run until the test ends. They speak HTTP/1.1 and h2c.
// Without a handler each answers with its name, which is b0, b1 and so on.
func startBackends(t *testing.T, n int, handler ...handlerFunc) fleet {
	t.Helper()
	answer := handlerFunc(writeName)
	if len(handler) > 0 {
		answer = handler[0]
	}
	return startBackendsWith(t, n, serveHTTP, answer)
}

// startBackendsWith is startBackends for another protocol.
func startBackendsWith(t *testing.T, n int, serve serveFunc, handler handlerFunc) fleet {
	t.Helper()
	var all fleet
	for i := range n {
		b := &backend{name: fmt.Sprint("b", i), address: caddytest.FreeAddress(t), handler: handler, serve: serve}
		b.startFor(t)
		all = append(all, b)
	}
	return all
}

// writeName reads the whole request and answers with the backend's name.
func writeName(b *backend, w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	io.WriteString(w, b.name)
}

// startFor starts the backend and kills it when the test ends.
func (b *backend) startFor(t *testing.T) {
	t.Helper()
	if err := b.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.kill)
}

// start listens again after a kill.
func (b *backend) start() error {
	network, address := "tcp", b.address
	if path, ok := strings.CutPrefix(b.address, "unix/"); ok {
		network, address = "unix", path
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: b, Protocols: protocols, ErrorLog: discardLog, ConnContext: withUse}
	b.mu.Lock()
	b.server = server
	b.mu.Unlock()
	go b.run(server, listener)
	return nil
}

// run serves until the backend is killed. The leak check knows its goroutine by the name of this
// method.
func (b *backend) run(server *http.Server, listener net.Listener) {
	serve := b.serve
	if serve == nil {
		serve = serveHTTP
	}
	_ = serve(server, listener)
}

// kill closes the listener and all connections, as the end of the process would.
func (b *backend) kill() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.server != nil {
		b.server.Close()
		b.server = nil
	}
}

// useKey is the key of a connection's value in the contexts of its requests.
type useKey struct{}

// withUse lets each connection remember that a request used it. Its remote address cannot stand for
// it: a port that is free again is that of another connection.
func withUse(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, useKey{}, new(atomic.Bool))
}

// usesAgain reports whether an earlier request came over the connection of r.
func usesAgain(r *http.Request) bool { return r.Context().Value(useKey{}).(*atomic.Bool).Swap(true) }

// ServeHTTP counts the request and passes it to the handler.
func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.hits.Add(1)
	if r.URL.Path != "/healthz" {
		b.requests.Add(1)
	}
	now := b.now.Add(1)
	defer b.now.Add(-1)
	for most := b.most.Load(); now > most && !b.most.CompareAndSwap(most, now); most = b.most.Load() {
	}
	w.Header().Set("X-Backend", b.name)
	b.handler(b, w, r)
}

// String returns the addresses as a Caddyfile lists them.
func (f fleet) String() string { return strings.Join(f.addresses(), " ") }

func (f fleet) addresses() (all []string) {
	for _, b := range f {
		all = append(all, b.address)
	}
	return all
}

// hits returns the number of requests of each backend so far.
func (f fleet) hits() (all []int64) {
	for _, b := range f {
		all = append(all, b.hits.Load())
	}
	return all
}

func (f fleet) expectAllHit(t *testing.T) {
	t.Helper()
	for _, b := range f {
		if b.hits.Load() == 0 {
			t.Errorf("%s got no request", b.name)
		}
	}
}

// each returns the counts of requests in flight that expectInFlight expects when every backend has
// n.
func (f fleet) each(n int) map[string]int {
	counts := make(map[string]int)
	for _, b := range f {
		counts[b.address] = n
	}
	return counts
}
