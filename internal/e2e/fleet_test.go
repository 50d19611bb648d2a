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

	"github.com/caddy-balance/caddy-balance/internal/e2e/servers"
)

// host is where backends listen. In a network of the test's own it is another one.
var host = netip.MustParseAddr("127.0.0.1")

// backend says its name.
type backend struct {
	name    string
	address string
}

func startBackend(t *testing.T, name string) *backend {
	t.Helper()
	_, port, err := net.SplitHostPort(servers.FreeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{name: name, address: net.JoinHostPort(host.String(), port)}
	listener, err := net.Listen("tcp", b.address)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, name) }))
	return b
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

// entry is how a registry is to list it.
func (b *backend) entry() entry { return entry{address: b.address, weight: 1} }

// crowd is one server that is ten thousand backends, each with an address of its own.
type crowd struct {
	addresses []netip.AddrPort

	mu  sync.Mutex
	hit map[string]bool // by address
}

// startCrowd listens at all addresses of the loopback device, and can be reached through nothing else. A
// listener for each address would use up the files that a process may open.
func startCrowd(t *testing.T, size int) *crowd {
	t.Helper()
	toLoopback := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		if failed := c.Control(func(fd uintptr) { err = syscall.BindToDevice(int(fd), "lo") }); failed != nil {
			return failed
		}
		return err
	}}
	port := netip.MustParseAddrPort(servers.FreeAddress(t)).Port()
	listener, err := toLoopback.Listen(context.Background(), "tcp4", netip.AddrPortFrom(netip.IPv4Unspecified(), port).String())
	if err != nil {
		t.Fatal(err)
	}
	c := &crowd{hit: make(map[string]bool)}
	for i := range size {
		c.addresses = append(c.addresses, netip.AddrPortFrom(member(i), port))
	}
	serve(t, listener, c)
	return c
}

// member is an address in the same network as host.
func member(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{host.As4()[0], 77, byte(i / 250), byte(i%250 + 1)})
}

func (c *crowd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hit[r.Context().Value(http.LocalAddrContextKey).(net.Addr).String()] = true
}

// met is how many of the addresses got a request.
func (c *crowd) met() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.hit)
}

func (c *crowd) entries() (all []entry) {
	for _, a := range c.addresses {
		all = append(all, entry{address: a.String(), weight: 1})
	}
	return all
}
