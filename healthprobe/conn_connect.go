package healthprobe

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
)

// dialer sends no keep-alives: no check lasts as long as their interval, and a kept connection is
// tested by the next check.
var dialer = net.Dialer{KeepAlive: -1, ControlContext: checkEgress}

// Connect connects to an endpoint, or to the address that stands for it, sends the header of the
// PROXY protocol if it is asked for, and completes the TLS handshake if TLS is on. When ctx ends,
// reads and writes on the connection fail. Close resets the connection.
func (c *Connection) Connect(ctx context.Context, e *Endpoint) (net.Conn, error) {
	a, err := c.addressOf(e)
	if err != nil {
		return nil, err
	}
	connected, err := c.connect(ctx, a)
	if err != nil {
		return nil, err // not a nil *conn in an interface
	}
	return connected, nil
}

// ConnectWithoutTLS is Connect for protocols that begin TLS with a message of their own, such as
// that of PostgreSQL. It returns the settings for TLS, or nil if TLS is off.
func (c *Connection) ConnectWithoutTLS(ctx context.Context, e *Endpoint) (net.Conn, *tls.Config, error) {
	a, err := c.addressOf(e)
	if err != nil {
		return nil, nil, err
	}
	connected, err := c.dial(ctx, a)
	if err != nil {
		return nil, nil, err
	}
	return connected, c.tlsFor(a), nil
}

// dial connects, and sends the header of the PROXY protocol if it is asked for.
func (c *Connection) dial(ctx context.Context, a address) (*conn, error) {
	raw, err := dialer.DialContext(c.egressContext(ctx), a.network, a.socket)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", Reason(ctx, err))
	}
	connected := &conn{Conn: raw, raw: raw, usesLeft: randomUses()}
	connected.bind(ctx)
	if c.ProxyProtocol != "" {
		if _, err := c.proxyHeader(raw).WriteTo(raw); err != nil {
			connected.Close()
			return nil, fmt.Errorf("sending the PROXY header: %w", Reason(ctx, err))
		}
	}
	return connected, nil
}

// connect dials, and completes the TLS handshake if TLS is on.
func (c *Connection) connect(ctx context.Context, a address) (*conn, error) {
	connected, err := c.dial(ctx, a)
	if err != nil {
		return nil, err
	}
	config := c.tlsFor(a)
	if config == nil {
		return connected, nil
	}
	secure := tls.Client(connected.Conn, config)
	if err := secure.Handshake(); err != nil { // fails when ctx ends, because the connection is bound to it
		connected.Close()
		return nil, fmt.Errorf("TLS handshake: %w", Reason(ctx, err))
	}
	connected.Conn, connected.protocol = secure, secure.ConnectionState().NegotiatedProtocol
	return connected, nil
}
