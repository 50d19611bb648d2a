package layer4_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/process"
)

// The same backends and clients, behind a pool, behind the proxy of Caddy's app for layer 4, and
// behind HAProxy.
var proxies = map[string]string{
	"pool":    "pool bench {\nsource static %s\n}",
	"proxy":   "proxy %s",
	"haproxy": "",
}

const haproxyConfig = `
defaults
	mode tcp
	timeout connect 5s
	timeout client 1h
	timeout server 1h
listen bench
	bind %s
	server a %s
`

func startHAProxy(b *testing.B, backend string) (address string) {
	b.Helper()
	program, err := exec.LookPath("haproxy")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/haproxy"); err != nil {
			b.Skip("haproxy is not installed")
		}
	}
	folder, address := b.TempDir(), caddytest.FreeAddress(b)
	config := filepath.Join(folder, "haproxy.cfg")
	if err := os.WriteFile(config, fmt.Appendf(nil, haproxyConfig, address, backend), 0o600); err != nil {
		b.Fatal(err)
	}
	p, err := process.Start(folder, program, "-db", "-f", config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.Kill)
	if err := p.AwaitListener(b.Context(), "tcp", address); err != nil {
		b.Fatal(err, p.Output())
	}
	return address
}

func benchFront(b *testing.B, handler, backend string) (address string) {
	b.Helper()
	if handler == "" {
		return startHAProxy(b, backend)
	}
	caddy := caddytest.New(b)
	b.Cleanup(caddy.Stop)
	address = caddytest.FreeAddress(b)
	caddy.Start(caddy.GlobalOptions(
		fmt.Sprintf("layer4 {\n%s {\nroute {\n%s\n}\n}\n}", address, fmt.Sprintf(handler, backend))))
	return address
}

func listenAndServe(b *testing.B, serve func(net.Conn)) (address string) {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

func echo(conn net.Conn) { io.Copy(conn, conn) }

// BenchmarkConnection opens a connection, exchanges a few bytes, and closes it.
func BenchmarkConnection(b *testing.B) {
	backend := listenAndServe(b, echo)
	for name, handler := range proxies {
		b.Run(name, func(b *testing.B) {
			address := benchFront(b, handler, backend)
			buffer := make([]byte, 5)
			b.ReportAllocs() // with those of the client and the backend
			for b.Loop() {
				conn, err := net.Dial("tcp", address)
				if err != nil {
					b.Fatal(err)
				}
				io.WriteString(conn, "hello")
				if _, err := io.ReadFull(conn, buffer); err != nil {
					b.Fatal(err)
				}
				conn.Close()
			}
		})
	}
}

// BenchmarkStream sends 64 KiB through an open connection, over and over.
func BenchmarkStream(b *testing.B) {
	backend := listenAndServe(b, func(conn net.Conn) { io.Copy(io.Discard, conn) })
	for name, handler := range proxies {
		b.Run(name, func(b *testing.B) {
			conn, err := net.Dial("tcp", benchFront(b, handler, backend))
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			chunk := []byte(strings.Repeat("x", 64<<10))
			b.SetBytes(int64(len(chunk)))
			for b.Loop() {
				if _, err := conn.Write(chunk); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
