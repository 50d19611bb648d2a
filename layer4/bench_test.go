package layer4_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// The same backends and clients, behind a pool and behind the proxy of Caddy's app for layer 4. The
// lab compares them with HAProxy.
var proxies = map[string]string{
	"pool":  "pool bench {\nsource static %s\n}",
	"proxy": "proxy %s",
}

func benchFront(b *testing.B, handler, backend string) (address string) {
	b.Helper()
	caddy := caddytest.New(b)
	b.Cleanup(caddy.Stop)
	address = caddytest.FreeAddress(b)
	caddy.Start(caddy.GlobalOptions(
		fmt.Sprintf("layer4 {\n%s {\nroute {\n%s\n}\n}\n}", address, fmt.Sprintf(handler, backend))))
	return address
}

func echo(conn net.Conn) { io.Copy(conn, conn) }

// BenchmarkConnection opens a connection, exchanges a few bytes, and closes it.
func BenchmarkConnection(b *testing.B) {
	backend := caddytest.Serve(b, echo)
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
	backend := caddytest.Serve(b, func(conn net.Conn) { io.Copy(io.Discard, conn) })
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
