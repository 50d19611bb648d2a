package caddytest

import (
	"net"
	"testing"
)

// Serve starts a server that passes each connection to a function in a goroutine of its own, and
// closes the connection afterwards. It listens until the test ends.
func Serve(t testing.TB, each func(net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				each(conn)
			}()
		}
	}()
	return listener.Addr().String()
}
