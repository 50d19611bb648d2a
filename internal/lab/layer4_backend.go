package main

import (
	"io"
	"net"
)

// What the first byte of a connection asks a backend for.
const (
	wantAnswer   = 'a' // one byte
	wantNothing  = 'n' // what follows is thrown away
	wantAllBytes = 'b' // as many as the client takes until it closes its side
)

// streamBuffer is the size of the buffers at both ends of a stream. They are large, so that the
// ends cost little beside the proxy.
const streamBuffer = 256 << 10

// startConnectionFleet starts backends for layer 4 on free ports.
func startConnectionFleet(n int) (addresses []string, stop func(), err error) {
	var listeners []net.Listener
	stop = func() {
		for _, l := range listeners {
			l.Close()
		}
	}
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			stop()
			return nil, nil, err
		}
		listeners, addresses = append(listeners, l), append(addresses, l.Addr().String())
		go serveConnections(l)
	}
	return addresses, stop, nil
}

func serveConnections(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			serveConnection(conn)
		}()
	}
}

// serveConnection does what the client asks for until the client closes its side.
func serveConnection(conn net.Conn) {
	want := make([]byte, 1)
	if _, err := io.ReadFull(conn, want); err != nil {
		return
	}
	switch want[0] {
	case wantAnswer:
		conn.Write(want)
		conn.Read(want)
	case wantNothing:
		move(conn.Read)
	case wantAllBytes:
		// A write after the client has gone would be a broken pipe, which ends the lab.
		gone := make(chan struct{})
		go func() {
			conn.Read(want)
			close(gone)
		}()
		move(func(b []byte) (int, error) {
			select {
			case <-gone:
				return 0, io.EOF
			default:
				return conn.Write(b)
			}
		})
	}
}

// move reads or writes until that fails, and returns the number of bytes.
func move(step func([]byte) (int, error)) (sum int64) {
	buffer := make([]byte, streamBuffer)
	for {
		n, err := step(buffer)
		sum += int64(n)
		if err != nil {
			return sum
		}
	}
}
