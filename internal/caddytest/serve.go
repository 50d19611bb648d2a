package caddytest

import (
	"net"
	"testing"
)

// Serve is ServeAt with a free port.
func Serve(t testing.TB, each func(net.Conn)) (address string) {
	t.Helper()
	return ServeAt(t, "127.0.0.1:0", each)
}

// ServeAt starts a server that passes each connection to a function in a goroutine of its own, and
// closes the connection afterwards. It listens until the test ends.
func ServeAt(t testing.TB, at string, each func(net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", at)
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
