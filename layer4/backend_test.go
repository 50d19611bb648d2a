package layer4_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// backend is a TCP server that answers each line with its name and the line. When a client has sent
// all it has, the server says how much it got and closes its side.
type backend struct {
	listener net.Listener
	name     string
	first    func(net.Conn) (net.Conn, error) // before anything else; nil for nothing

	mu   sync.Mutex
	open map[net.Conn]struct{}
	wg   sync.WaitGroup
}

func newBackend(t *testing.T, name string) *backend {
	t.Helper()
	return listenAs(t, name, "127.0.0.1:0", nil)
}

func listenAs(t *testing.T, name, address string, first func(net.Conn) (net.Conn, error)) *backend {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, name, listener, first)
}

func serveOn(t *testing.T, name string, listener net.Listener, first func(net.Conn) (net.Conn, error)) *backend {
	t.Helper()
	b := &backend{listener: listener, name: name, first: first, open: make(map[net.Conn]struct{})}
	b.wg.Go(b.serve)
	t.Cleanup(b.kill)
	return b
}

func (b *backend) address() string { return b.listener.Addr().String() }

func (b *backend) serve() {
	for {
		conn, err := b.listener.Accept()
		if err != nil {
			return
		}
		b.mu.Lock()
		b.open[conn] = struct{}{}
		b.mu.Unlock()
		b.wg.Go(func() {
			defer conn.Close()
			b.answer(conn)
			b.mu.Lock()
			defer b.mu.Unlock()
			delete(b.open, conn)
		})
	}
}

func (b *backend) answer(conn net.Conn) {
	if b.first != nil {
		var err error
		if conn, err = b.first(conn); err != nil {
			return
		}
	}
	lines, total := bufio.NewReader(conn), 0
	for {
		line, err := lines.ReadString('\n')
		total += len(line)
		if err == io.EOF {
			fmt.Fprintf(conn, "%s got %d bytes\n", b.name, total)
			return
		}
		if err != nil {
			return
		}
		if _, err := fmt.Fprintf(conn, "%s %s", b.name, line); err != nil {
			return
		}
	}
}

// kill closes the listener and all connections, as the end of a process does.
func (b *backend) kill() {
	b.listener.Close()
	b.mu.Lock()
	for conn := range b.open {
		conn.Close()
	}
	b.mu.Unlock()
	b.wg.Wait()
}

// connections is how many are open.
func (b *backend) connections() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.open)
}

// client is a connection to Caddy.
type client struct {
	t *testing.T
	net.Conn
	lines *bufio.Reader
}

func connect(t *testing.T, address string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &client{t, conn, bufio.NewReader(conn)}
}

// ask sends a line and returns the name of the backend that answers.
func (c *client) ask(line string) (name string, err error) {
	if _, err := fmt.Fprintln(c, line); err != nil {
		return "", err
	}
	answer, err := c.lines.ReadString('\n')
	if err != nil {
		return "", err
	}
	name, rest, _ := strings.Cut(strings.TrimSuffix(answer, "\n"), " ")
	if rest != line {
		return name, fmt.Errorf("the answer to %q is %q", line, answer)
	}
	return name, nil
}

// wantAnswerBy asks, and fails unless the backend answers.
func (c *client) wantAnswerBy(name string) {
	c.t.Helper()
	if got, err := c.ask("hello"); got != name || err != nil {
		c.t.Errorf("%q answered, %v; want %q", got, err, name)
	}
}

// wantClosed waits until the connection ends, and fails if a byte comes before.
func (c *client) wantClosed() {
	c.t.Helper()
	if n, err := c.lines.Read(make([]byte, 1)); n > 0 || err == nil {
		c.t.Errorf("%d bytes, %v", n, err)
	}
}

func overTLS(certificate tls.Certificate) func(net.Conn) (net.Conn, error) {
	return func(conn net.Conn) (net.Conn, error) {
		secured := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{certificate}})
		return secured, secured.Handshake()
	}
}
