package healthprobe

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/clienttls"
)

// Connection says where a probe connects, and whether it speaks TLS or begins with the header of
// the PROXY protocol. Without settings it connects to the endpoint's own address without either.
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

	// Turns TLS on. The certificate must be valid for `server_name`, in which placeholders are
	// replaced, such as `{endpoint.metadata.sni}`. Without it, or for an endpoint for which it is
	// empty, the name is the `host` of an HTTP probe or the `authority` of a gRPC probe, and else
	// the probed host. The timeout of a check includes the handshake, so `handshake_timeout` has no
	// effect. Default: no TLS.
	TLS *reverseproxy.TLSConfig `json:"tls,omitempty"`

	// The version of the PROXY protocol's header to send first: `v1` or `v2`. It is required by
	// servers that expect the header on every connection. Set it if the proxy's transport sends the
	// header to this port. Version 1 names the two ends of the probe's connection, and version 2
	// says LOCAL, which means that there is no client. Default: no header.
	ProxyProtocol string `json:"proxy_protocol,omitempty"`

	upstream, port template
	fixedAddress   *address // upstream, if it is the same for all endpoints
	tls            *tls.Config
	serverNames    []template // for TLS; the first one that is not empty counts
}

// Options returns the Caddyfile options of a connection, for the block of the probe that embeds it.
func (c *Connection) Options() caddyfile.Param {
	return caddyfile.Group(
		caddyfile.String("upstream", &c.Upstream),
		caddyfile.String("port", (*string)(&c.Port)),
		caddyfile.TLS(&c.TLS),
		caddyfile.Func("proxy_protocol", expectedProxyProtocol, func(text string) bool {
			c.ProxyProtocol = text
			return isProxyProtocol(text)
		}),
	)
}

// ProvisionConnection checks the settings and loads the certificates. The Provision method of the
// probe calls it. protocols are the application protocols that TLS offers, the preferred one first;
// without any, TLS negotiates none.
func (c *Connection) ProvisionConnection(ctx caddy.Context, protocols ...string) error {
	if err := c.provisionAddress(); err != nil {
		return err
	}
	if err := c.provisionProxyProtocol(); err != nil || c.TLS == nil {
		return err
	}
	config, err := clienttls.Config(ctx, c.TLS)
	if err != nil {
		return err
	}
	config.NextProtos = protocols
	c.tls = config
	name, err := compileTemplate("tls: server_name", c.TLS.ServerName)
	c.serverNames = []template{name}
	return err
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
	a, err := c.socketOf(e)
	if err == nil && c.tls != nil {
		a.serverName = cmp.Or(c.serverNameOf(e), a.name())
	}
	return a, err
}

func (c *Connection) socketOf(e *Endpoint) (address, error) {
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

// serverNameOf returns the server name that the settings give, empty if they give none.
func (c *Connection) serverNameOf(e *Endpoint) string {
	for _, t := range c.serverNames {
		if name := hostOnly(t.expand(e)); name != "" {
			return name
		}
	}
	return ""
}

// tlsFor returns the TLS settings for an address, nil if the probe speaks without TLS there.
func (c *Connection) tlsFor(a address) *tls.Config {
	if c.tls == nil || slices.Contains(c.TLS.ExceptPorts, a.port) {
		return nil
	}
	config := c.tls.Clone()
	config.ServerName = a.serverName
	return config
}
