package healthprobe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/clienttls"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// Connection is where and how a probe connects. Probes never share connections with the proxy or with one another, and
// reset them in the end: so none stays behind in TIME_WAIT, of which thousands of endpoints would use up ports and memory.
type Connection struct {
	// The [network address](/docs/conventions#network-addresses) to probe instead of the endpoint's own, such as that of a service that
	// knows how the endpoint is. Placeholders are replaced, such as `{endpoint.metadata.health}`.
	Upstream string `json:"upstream,omitempty"`

	// The port to probe instead of the endpoint's own, as a number or with placeholders, such as
	// `{endpoint.metadata.health_port}`. It is not for endpoints at unix sockets, which have no port.
	Port caddyhttp.WeakString `json:"port,omitempty"`

	// Turns TLS on. Certificates are verified for the probed host unless `server_name` says otherwise.
	// The probe's time limit counts for the handshake, too, so that `handshake_timeout` has no effect.
	TLS *reverseproxy.TLSConfig `json:"tls,omitempty"`

	upstream, port text
	fixed          *address // upstream if it does not vary
	tls            *tls.Config
}

func (c *Connection) options() caddyfile.Param {
	return caddyfile.Group(
		caddyfile.String("upstream", &c.Upstream),
		caddyfile.String("port", (*string)(&c.Port)),
		caddyfile.TLS(&c.TLS),
	)
}

// once is an argument and an option, of which at most one is given.
func once(name, expected string, into *string, valid func(text string) bool) caddyfile.Param {
	return caddyfile.Func(name, expected+", given once", func(text string) bool {
		given := *into != ""
		*into = text
		return !given && valid(text)
	})
}

func (c *Connection) provision(ctx caddy.Context, protocols ...string) error {
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
		return errors.New("port: is given twice; an upstream has a port of its own")
	}
	if c.port, err = compile("port", string(c.Port)); err != nil {
		return err
	}
	if c.Port != "" && !c.port.varies() {
		if err := checkPort(c.port.literal); err != nil {
			return err
		}
	}
	if c.upstream, err = compile("upstream", c.Upstream); err != nil {
		return err
	}
	if c.Upstream != "" && !c.upstream.varies() {
		to, err := parseUpstream(c.upstream.literal)
		c.fixed = &to
		return err
	}
	return nil
}

// parseUpstream is as strict as pools are with endpoints: the address must mean one socket.
func parseUpstream(text string) (address, error) {
	to := listing.Info{Address: text}
	err := to.Normalize()
	if err == nil {
		var a address
		if a, err = parseAddress(to.Address); err == nil {
			return a, nil
		}
	}
	return address{}, fmt.Errorf("upstream: %w", err)
}

// address is where to probe an endpoint.
func (c *Connection) address(e *listing.Info) (address, error) {
	switch {
	case c.fixed != nil:
		return *c.fixed, nil
	case c.Upstream != "":
		return parseUpstream(c.upstream.of(e))
	}
	to, err := parseAddress(e.Address)
	if err == nil && c.Port != "" {
		to, err = to.onPort(c.port.of(e))
	}
	return to, err
}

// tlsFor is nil where the probe is to speak plainly.
func (c *Connection) tlsFor(to address) *tls.Config {
	if c.tls == nil || slices.Contains(c.TLS.ExceptPorts, to.port) {
		return nil
	}
	if c.tls.ServerName != "" {
		return c.tls
	}
	config := c.tls.Clone()
	config.ServerName = to.host
	return config
}

// dialer sends no keep-alives: no probe lasts as long as their interval, and the next check is one.
var dialer = net.Dialer{KeepAlive: -1}

// dial connects without TLS.
func (c *Connection) dial(ctx context.Context, to address) (*conn, error) {
	plain, err := dialer.DialContext(ctx, to.network, to.socket)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", reason(ctx, err))
	}
	connected := &conn{Conn: plain, plain: plain, uses: randomUses()}
	connected.watch(ctx)
	return connected, nil
}

// connect dials, and shakes hands if there is TLS.
func (c *Connection) connect(ctx context.Context, to address) (*conn, error) {
	connected, err := c.dial(ctx, to)
	if err != nil {
		return nil, err
	}
	config := c.tlsFor(to)
	if config == nil {
		return connected, nil
	}
	secure := tls.Client(connected.Conn, config)
	if err := secure.Handshake(); err != nil { // ends with ctx, since the connection does
		connected.Close()
		return nil, fmt.Errorf("TLS handshake: %w", reason(ctx, err))
	}
	connected.Conn, connected.protocol = secure, secure.ConnectionState().NegotiatedProtocol
	return connected, nil
}
