package backend

import (
	"fmt"
	"io"
	"net"
	"net/http"
)

// Fault is a way in which a backend misbehaves. The empty one is none.
type Fault string

const (
	// HalfHeader sends a part of the header and nothing more.
	HalfHeader Fault = "half header"

	// CutBody resets the connection in the middle of the body.
	CutBody Fault = "cut body"
)

func (f Fault) serve(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	connection, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err) // both ends speak HTTP/1.1
	}
	defer connection.Close()
	if f == HalfHeader {
		io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Le")
		io.Copy(io.Discard, connection) // until the proxy closes the connection
		return
	}
	fmt.Fprintf(connection, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", bodySize)
	connection.Write(make([]byte, bodySize/2))
	if tcp, ok := connection.(*net.TCPConn); ok {
		tcp.SetLinger(0) // Close sends a reset
	}
}
