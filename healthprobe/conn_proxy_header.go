package healthprobe

import (
	"fmt"
	"net"

	"github.com/pires/go-proxyproto"
)

const expectedProxyProtocol = "v1 or v2"

func isProxyProtocol(text string) bool { return text == "v1" || text == "v2" }

func (c *Connection) provisionProxyProtocol() error {
	if c.ProxyProtocol != "" && !isProxyProtocol(c.ProxyProtocol) {
		return fmt.Errorf("proxy_protocol: %.20q is not %s", c.ProxyProtocol, expectedProxyProtocol)
	}
	return nil
}

// proxyHeader returns the header that introduces a connection to a server which demands one.
// Version 2 has a word for connections without a client, such as those of checks. Version 1 has
// UNKNOWN, which some servers refuse, so it names the two ends of the connection itself.
func (c *Connection) proxyHeader(raw net.Conn) *proxyproto.Header {
	if c.ProxyProtocol == "v2" {
		return &proxyproto.Header{Version: 2, Command: proxyproto.LOCAL, TransportProtocol: proxyproto.UNSPEC}
	}
	return proxyproto.HeaderProxyFromAddrs(1, raw.LocalAddr(), raw.RemoteAddr())
}

// lacksProxyHeader reports whether the probe connects to the endpoint itself without a header.
// Another port or address may be that of a server that demands none.
func (c *Connection) lacksProxyHeader() bool {
	return c.ProxyProtocol == "" && c.Port == "" && c.Upstream == ""
}

// LacksProxyHeader reports whether a check connects to the endpoints themselves without the header
// of the PROXY protocol. It fails if they demand one.
func (h *Health) LacksProxyHeader() bool {
	for _, p := range h.probes {
		if probe, ok := p.Probe.(interface{ lacksProxyHeader() bool }); ok && probe.lacksProxyHeader() {
			return true
		}
	}
	return false
}
