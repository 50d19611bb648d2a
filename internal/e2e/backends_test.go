package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// host is the address at which backends listen. setUpNetwork changes it.
var host = netip.MustParseAddr("127.0.0.1")

// backend is a web server that answers with its name.
type backend struct {
	name    string
	address string
}

func startBackend(t *testing.T, name string) *backend {
	t.Helper()
	_, port, err := net.SplitHostPort(caddytest.FreeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{name: name, address: net.JoinHostPort(host.String(), port)}
	b.serve(t, "tcp")
	return b
}

// serve answers at the address of the backend until the test ends.
func (b *backend) serve(t *testing.T, network string) {
	t.Helper()
	listener, err := net.Listen(network, b.address)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, b.name)
	}))
}

func startBackends(t *testing.T, names ...string) (all []*backend) {
	t.Helper()
	for _, name := range names {
		all = append(all, startBackend(t, name))
	}
	return all
}

func serve(t *testing.T, listener net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close() })
}

// entry returns the backend as a registry should list it.
func (b *backend) entry() entry { return entry{address: b.address, weight: 1} }

// manyBackends is one server at ten thousand addresses, each of which counts as a backend.
type manyBackends struct {
	addresses []netip.AddrPort

	mu  sync.Mutex
	hit map[string]bool // by address
}

// startManyBackends listens at all addresses of the loopback device, and on no other device. A
// listener for each address would exceed the number of files that a process may open.
func startManyBackends(t *testing.T, size int) *manyBackends {
	t.Helper()
	toLoopback := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		if failed := c.Control(func(fd uintptr) { err = syscall.BindToDevice(int(fd), "lo") }); failed != nil {
			return failed
		}
		return err
	}}
	port := netip.MustParseAddrPort(caddytest.FreeAddress(t)).Port()
	listener, err := toLoopback.Listen(context.Background(), "tcp4", netip.AddrPortFrom(netip.IPv4Unspecified(), port).String())
	if err != nil {
		t.Fatal(err)
	}
	c := &manyBackends{hit: make(map[string]bool)}
	for i := range size {
		c.addresses = append(c.addresses, netip.AddrPortFrom(member(i), port))
	}
	serve(t, listener, c)
	return c
}

// member returns address number i, in the same network as host.
func member(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{host.As4()[0], 77, byte(i / 250), byte(i%250 + 1)})
}

func (c *manyBackends) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hit[r.Context().Value(http.LocalAddrContextKey).(net.Addr).String()] = true
}

// met returns the number of addresses that got a request.
func (c *manyBackends) met() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.hit)
}

func (c *manyBackends) entries() (all []entry) {
	for _, a := range c.addresses {
		all = append(all, entry{address: a.String(), weight: 1})
	}
	return all
}
