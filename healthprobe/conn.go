package healthprobe

import (
	"context"
	"net"
	"time"
)

// conn is a probe's connection. It is usable as long as the context it is bound to lasts: that of
// one check.
type conn struct {
	net.Conn // for reading and writing; TLS if the probe speaks TLS

	raw      net.Conn    // the socket below TLS
	protocol string      // the application protocol that TLS negotiated
	unbind   func() bool // ends the binding; false if the context has ended before

	usesLeft int  // number of requests that the connection is still good for
	answered bool // whether at least a byte has come back since the last request
}

// bind makes blocked and later reads and writes fail when ctx ends. It is the only time limit: a
// deadline on the connection would be a second timer for the same moment.
func (c *conn) bind(ctx context.Context) {
	c.unbind = context.AfterFunc(ctx, func() { c.raw.SetDeadline(time.Unix(1, 0)) })
}

// Close resets the connection. An orderly close has no receiver and two costs: TLS would write an
// alert, and the side that closes first keeps the socket in TIME_WAIT for a minute.
func (c *conn) Close() error {
	c.unbind()
	if tcp, ok := c.raw.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	return c.raw.Close()
}
