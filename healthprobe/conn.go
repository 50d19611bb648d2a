package healthprobe

import (
	"context"
	"net"
	"time"
)

// conn is a probe's connection, usable as long as the probe's context lasts.
type conn struct {
	net.Conn // what to read and write: TLS if there is TLS

	protocol string // that TLS agreed on
	plain    net.Conn
	unwatch  func() bool

	uses     int  // that it is still good for
	answered bool // at least with a byte, to the last request
}

// watch makes waiting reads and writes return once ctx ends. That also is the only time limit: a
// deadline on the connection would be a second timer for the same moment.
func (c *conn) watch(ctx context.Context) {
	c.unwatch = context.AfterFunc(ctx, func() { c.plain.SetDeadline(time.Unix(1, 0)) })
}

// Close resets the connection. Nobody waits for a last word of a probe: TLS would write one, and
// a socket closed first by us would stay in TIME_WAIT for a minute.
func (c *conn) Close() error {
	c.unwatch()
	if tcp, ok := c.plain.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	return c.plain.Close()
}
