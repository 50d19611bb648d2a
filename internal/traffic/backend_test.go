package traffic

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// backend is a server that can be killed and restarted, and knows what it was asked.
type backend struct {
	name    string
	network string
	address string // as a pool has it
	handler func(b *backend, w http.ResponseWriter, r *http.Request)

	hits      atomic.Int64
	requests  atomic.Int64 // without those of checks
	now, most atomic.Int64 // requests at once

	mu     sync.Mutex
	server *http.Server // nil while killed
	serve  func(*http.Server, net.Listener) error
}

// fleet is some backends.
type fleet []*backend

// startBackends starts backends that speak HTTP/1.1 and h2c. Each says its name, unless a handler
// is given.
func startBackends(t *testing.T, n int, handler ...func(b *backend, w http.ResponseWriter, r *http.Request)) fleet {
	t.Helper()
	var all fleet
	for i := range n {
		b := &backend{name: fmt.Sprint("b", i), network: "tcp", address: freeAddress(t), handler: sayName}
		if len(handler) > 0 {
			b.handler = handler[0]
		}
		b.startFor(t)
		all = append(all, b)
	}
	return all
}

func sayName(b *backend, w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	io.WriteString(w, b.name)
}

func (b *backend) startFor(t *testing.T) {
	t.Helper()
	if err := b.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.kill)
}

func (b *backend) start() error {
	address := b.address
	if b.network == "unix" {
		address = strings.TrimPrefix(address, "unix/")
	}
	listener, err := net.Listen(b.network, address)
	if err != nil {
		return err
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: b, Protocols: protocols, ErrorLog: silent}
	b.mu.Lock()
	b.server = server
	b.mu.Unlock()
	go b.run(server, listener)
	return nil
}

func (b *backend) run(server *http.Server, listener net.Listener) {
	if b.serve != nil {
		b.serve(server, listener)
	} else {
		server.Serve(listener)
	}
}

// kill is what becomes of a backend whose process dies: all its connections are cut.
func (b *backend) kill() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.server != nil {
		b.server.Close()
		b.server = nil
	}
}

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

// String is how a Caddyfile lists them.
func (f fleet) String() string { return strings.Join(f.addresses(), " ") }

func (f fleet) addresses() (all []string) {
	for _, b := range f {
		all = append(all, b.address)
	}
	return all
}

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

// each has the same number in flight.
func (f fleet) each(n int) map[string]int {
	counts := make(map[string]int)
	for _, b := range f {
		counts[b.address] = n
	}
	return counts
}

// freeAddress is below the ports that systems give to clients. A client's connection could take
// a port from a backend that is down for a moment, or connect to itself there.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 12000+rand.IntN(20000))
		tcp, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		tcp.Close()
		udp, err := net.ListenPacket("udp", address)
		if err != nil {
			continue
		}
		udp.Close()
		return address
	}
	t.Fatal("no free port")
	return ""
}

func dialer(network, address string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
}
