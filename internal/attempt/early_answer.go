package attempt

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// An endpoint may answer an upload before it has read all of it (401, 413), and close the
// connection. Its system then resets the connection, and the next write fails. net/http returns
// that error if it comes first, and drops the answer, which has already arrived. Therefore
// connections hold back such an error until everything was read that the endpoint has sent.

// readsWithin is how long a write waits for the next read. The reset ends every read at once, so
// only a connection that nothing reads from can wait in vain, such as one in a TLS handshake.
const readsWithin = time.Second

// preferAnswers makes the transport's connections hold back errors of writing. It reports false if
// they do not, because the transport is not Caddy's own or dials TLS itself.
func (t *Transport) preferAnswers() bool {
	h, ok := t.RoundTripper.(*reverseproxy.HTTPTransport)
	if !ok || h.Transport == nil || h.Transport.DialContext == nil || h.Transport.DialTLSContext != nil {
		return false
	}
	dial := h.Transport.DialContext
	h.Transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &answeringConn{Conn: conn, over: make(chan struct{}), expires: t.expiry(ctx)}, nil
	}
	return true
}

// mayHaveAnswered reports whether an error may hide an answer to an upload.
func (a *Attempt) mayHaveAnswered(req *http.Request, err error) bool {
	return !a.transport.prefersAnswers && req.Body != nil && isWriteError(err)
}

// answeringConn is a connection whose writes fail only after its reads if the peer resets it.
type answeringConn struct {
	net.Conn
	over       chan struct{} // closed when nothing more can be read
	expires    load.Instant  // when it takes its last request; 0 if it has no limit
	end        sync.Once
	reads      atomic.Uint32
	halfClosed atomic.Bool
}

// Read implements net.Conn.
func (c *answeringConn) Read(p []byte) (int, error) {
	c.reads.Add(1)
	n, err := c.Conn.Read(p)
	if err != nil {
		c.setOver()
	}
	return n, err
}

// Write implements net.Conn.
func (c *answeringConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil && isReset(err) && !c.halfClosed.Load() {
		c.awaitAnswer()
	}
	return n, err
}

// Close implements net.Conn.
func (c *answeringConn) Close() error {
	c.setOver()
	return c.Conn.Close()
}

// CloseWrite closes one direction of an upgraded connection.
func (c *answeringConn) CloseWrite() error {
	half, ok := c.Conn.(closeWriter)
	if !ok {
		return errors.ErrUnsupported
	}
	c.halfClosed.Store(true)
	return half.CloseWrite()
}

func (c *answeringConn) setOver() { c.end.Do(func() { close(c.over) }) }

// awaitAnswer waits until nothing more can be read, or nothing reads.
func (c *answeringConn) awaitAnswer() {
	timer := time.NewTimer(readsWithin)
	defer timer.Stop()
	for {
		reads := c.reads.Load()
		select {
		case <-c.over:
			return
		case <-timer.C:
			if c.reads.Load() == reads {
				return
			}
			timer.Reset(readsWithin)
		}
	}
}
