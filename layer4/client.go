package layer4

import (
	"net"

	l4 "github.com/mholt/caddy-l4/layer4"
)

// clientReader reads what matchers have read ahead, and then from the connection.
type clientReader struct{ *l4.Connection }

// isDrained reports whether nothing that was read ahead is left, so that the rest can be read from
// the connection itself.
func (c clientReader) isDrained() bool { return len(c.MatchingBytes()) == 0 }

// innermost returns the connection that writes to cx end up at unchanged.
func innermost(cx *l4.Connection) net.Conn {
	conn := cx.Conn
	for {
		switch c := conn.(type) {
		case *l4.Connection:
			conn = c.Conn
		case interface{ Raw() net.Conn }: // behind a header of the PROXY protocol
			conn = c.Raw()
		default:
			return conn
		}
	}
}

// socketOf returns the TCP socket below a connection, also below TLS; nil if there is none.
func socketOf(conn net.Conn) *net.TCPConn {
	for {
		switch c := conn.(type) {
		case *net.TCPConn:
			return c
		case *l4.Connection:
			conn = c.Conn
		case interface{ Raw() net.Conn }:
			conn = c.Raw()
		case interface{ NetConn() net.Conn }:
			conn = c.NetConn()
		default:
			return nil
		}
	}
}
