package healthprobe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/clienttls"
)

// Connection says where a probe connects and whether it speaks TLS. Without settings it connects to
// the endpoint's own address without TLS.
//
// A probe shares no connections with the proxy or with other probes. At the end it resets its
// connection instead of closing it, because a closed one stays in TIME_WAIT for a minute, and those
// of thousands of endpoints would use up ports and memory.
//
// Probes embed it: [Connection.Options] are its Caddyfile options, [Connection.ProvisionConnection]
// checks the settings, and [Connection.Connect] connects.
type Connection struct {
	// The [network address](/docs/conventions#network-addresses) to probe instead of the endpoint's
	// own, such as that of a service that knows how the endpoint is. Placeholders are replaced,
	// such as `{endpoint.metadata.health}`. Default: the address of the endpoint.
	Upstream string `json:"upstream,omitempty"`

	// The port to probe on the endpoint's host, as a number or with placeholders, such as
	// `{endpoint.metadata.health_port}`. It is not allowed together with `upstream`. The check of
	// an endpoint at a unix socket fails, because a socket has no port. Default: the port of the
	// endpoint.
	Port caddyhttp.WeakString `json:"port,omitempty"`

	// Turns TLS on. The certificate must be valid for the probed host, or for `server_name` if that
	// is given. The timeout of a check includes the handshake, so `handshake_timeout` has no
	// effect. Default: no TLS.
	TLS *reverseproxy.TLSConfig `json:"tls,omitempty"`

	upstream, port template
	fixedAddress   *address // upstream, if it is the same for all endpoints
	tls            *tls.Config
}

// Options returns the Caddyfile options of a connection, for the block of the probe that embeds it.
func (c *Connection) Options() caddyfile.Param {
	return caddyfile.Group(
		caddyfile.String("upstream", &c.Upstream),
		caddyfile.String("port", (*string)(&c.Port)),
		caddyfile.TLS(&c.TLS),
	)
}

// argumentOrOption is a setting that may be given as an argument or as an option, but not as both.
func argumentOrOption(name, expected string, into *string, valid func(text string) bool) caddyfile.Param {
	return caddyfile.Func(name, expected+", given once", func(text string) bool {
		given := *into != ""
		*into = text
		return !given && valid(text)
	})
}

// ProvisionConnection checks the settings and loads the certificates. The Provision method of the
// probe calls it. protocols are the application protocols that TLS offers, the preferred one first;
// without any, TLS negotiates none.
func (c *Connection) ProvisionConnection(ctx caddy.Context, protocols ...string) error {
	if err := c.provisionAddress(); err != nil || c.TLS == nil {
		return err
	}
	config, err := clienttls.Config(ctx, c.TLS)
	if err != nil {
		return err
	}
	config.NextProtos = protocols
	c.tls = config
	return nil
}

func (c *Connection) provisionAddress() (err error) {
	if c.Upstream != "" && c.Port != "" {
		return errors.New("port: conflicts with upstream, which has a port of its own")
	}
	if c.port, err = compileTemplate("port", string(c.Port)); err != nil {
		return err
	}
	if c.Port != "" && !c.port.varies() {
		if err := checkPort(c.port.literal); err != nil {
			return err
		}
	}
	if c.upstream, err = compileTemplate("upstream", c.Upstream); err != nil {
		return err
	}
	if c.Upstream != "" && !c.upstream.varies() {
		a, err := parseUpstream(c.upstream.literal)
		c.fixedAddress = &a
		return err
	}
	return nil
}

// parseUpstream is as strict as pools are with their endpoints: the address must mean one socket.
// Other than an endpoint, it may demand HTTP/2 without TLS.
func parseUpstream(text string) (address, error) {
	socket, h2c := strings.CutPrefix(text, "unix+h2c/")
	e := Endpoint{Address: text}
	if h2c {
		e.Address = "unix/" + socket
	}
	err := e.Normalize()
	if err == nil {
		var a address
		if a, err = parseAddress(e.Address); err == nil {
			a.h2c = h2c
			return a, nil
		}
	}
	return address{}, fmt.Errorf("upstream: %w", err)
}

// addressOf returns where to probe an endpoint.
func (c *Connection) addressOf(e *Endpoint) (address, error) {
	switch {
	case c.fixedAddress != nil:
		return *c.fixedAddress, nil
	case c.Upstream != "":
		return parseUpstream(c.upstream.expand(e))
	}
	a, err := parseAddress(e.Address)
	if err == nil && c.Port != "" {
		a, err = a.withPort(c.port.expand(e))
	}
	return a, err
}

// tlsFor returns the TLS settings for an address, nil if the probe speaks without TLS there.
func (c *Connection) tlsFor(a address) *tls.Config {
	if c.tls == nil || slices.Contains(c.TLS.ExceptPorts, a.port) {
		return nil
	}
	if c.tls.ServerName != "" {
		return c.tls
	}
	config := c.tls.Clone()
	config.ServerName = a.host
	return config
}

// dialer sends no keep-alives: no check lasts as long as their interval, and a kept connection is
// tested by the next check.
var dialer = net.Dialer{KeepAlive: -1, ControlContext: checkEgress}

// Connect connects to an endpoint, or to the address that stands for it, and completes the TLS
// handshake if TLS is on. When ctx ends, reads and writes on the connection fail. Close resets the
// connection.
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

// dial connects without TLS.
func (c *Connection) dial(ctx context.Context, a address) (*conn, error) {
	raw, err := dialer.DialContext(c.egressContext(ctx), a.network, a.socket)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", Reason(ctx, err))
	}
	connected := &conn{Conn: raw, raw: raw, usesLeft: randomUses()}
	connected.bind(ctx)
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
