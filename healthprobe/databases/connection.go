package databases

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
)

// connection is a connection that a client library gets. It is bound to the context of the check.
type connection struct {
	net.Conn
	parting atomic.Bool // whether the client is about to say goodbye
}

// maxFarewell is how many bytes a server may send after the goodbye.
const maxFarewell = 4096

// Close waits until the server has read the goodbye and closes its side. Otherwise the reset that
// the probe's connection ends with would overtake the goodbye, and servers log that as an error.
func (c *connection) Close() error {
	if c.parting.Load() {
		_, _ = io.Copy(io.Discard, io.LimitReader(c.Conn, maxFarewell))
	}
	return c.Conn.Close()
}

var errDialedTwice = errors.New("the check has ended")

// dialer returns a function for client libraries that returns the connection once. A library that
// connects again, such as to cancel a query, would outlive the check.
func dialer(c *connection) func(context.Context, string, string) (net.Conn, error) {
	var used atomic.Bool
	return func(context.Context, string, string) (net.Conn, error) {
		if used.Swap(true) {
			return nil, errDialedTwice
		}
		return c, nil
	}
}
