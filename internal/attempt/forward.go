package attempt

import (
	"fmt"
	"net/url"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// Caddy finds out what a transport supports by testing whether it implements these interfaces. The
// observing transport implements all of them. Each method asks the wrapped transport, or returns
// the answer that stands for "not supported".

// DefaultBufferSizes implements reverseproxy.BufferedTransport.
func (t *Transport) DefaultBufferSizes() (request, response int64) {
	if b, ok := t.RoundTripper.(reverseproxy.BufferedTransport); ok {
		return b.DefaultBufferSizes()
	}
	return 0, 0
}

// RequiresContentLength implements reverseproxy.ContentLengthRequiredTransport.
func (t *Transport) RequiresContentLength() bool {
	c, ok := t.RoundTripper.(reverseproxy.ContentLengthRequiredTransport)
	return ok && c.RequiresContentLength()
}

// RequestHeaderOps implements reverseproxy.RequestHeaderOpsTransport.
func (t *Transport) RequestHeaderOps() *headers.HeaderOps {
	if h, ok := t.RoundTripper.(reverseproxy.RequestHeaderOpsTransport); ok {
		return h.RequestHeaderOps()
	}
	return nil
}

// ProxyProtocolEnabled implements reverseproxy.ProxyProtocolTransport.
func (t *Transport) ProxyProtocolEnabled() bool {
	p, ok := t.RoundTripper.(reverseproxy.ProxyProtocolTransport)
	return ok && p.ProxyProtocolEnabled()
}

// OverrideHealthCheckScheme implements reverseproxy.HealthCheckSchemeOverriderTransport.
func (t *Transport) OverrideHealthCheckScheme(base *url.URL, port string) {
	if o, ok := t.RoundTripper.(reverseproxy.HealthCheckSchemeOverriderTransport); ok {
		o.OverrideHealthCheckScheme(base, port)
	}
}

// TLSEnabled implements reverseproxy.TLSTransport.
func (t *Transport) TLSEnabled() bool {
	tls, ok := t.RoundTripper.(reverseproxy.TLSTransport)
	return ok && tls.TLSEnabled()
}

// EnableTLS implements reverseproxy.TLSTransport.
func (t *Transport) EnableTLS(config *reverseproxy.TLSConfig) error {
	if tls, ok := t.RoundTripper.(reverseproxy.TLSTransport); ok {
		return tls.EnableTLS(config)
	}
	return fmt.Errorf("transport %T has no TLS", t.RoundTripper)
}

// EnableH2C implements reverseproxy.H2CTransport.
func (t *Transport) EnableH2C() error {
	if h, ok := t.RoundTripper.(reverseproxy.H2CTransport); ok {
		return h.EnableH2C()
	}
	return fmt.Errorf("transport %T has no h2c", t.RoundTripper)
}

// Interface guards
var (
	_ reverseproxy.BufferedTransport                   = (*Transport)(nil)
	_ reverseproxy.ContentLengthRequiredTransport      = (*Transport)(nil)
	_ reverseproxy.RequestHeaderOpsTransport           = (*Transport)(nil)
	_ reverseproxy.ProxyProtocolTransport              = (*Transport)(nil)
	_ reverseproxy.HealthCheckSchemeOverriderTransport = (*Transport)(nil)
	_ reverseproxy.TLSTransport                        = (*Transport)(nil)
	_ reverseproxy.H2CTransport                        = (*Transport)(nil)
)
