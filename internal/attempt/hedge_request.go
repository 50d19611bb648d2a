package attempt

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptrace"
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// requestTo returns the request as Caddy would send it to an endpoint.
func (h *hedge) requestTo(e *endpoint.Endpoint) (*http.Request, context.CancelFunc) {
	info := dialInfoOf(e.Address())
	ctx, cancel := context.WithCancel(&hedgeContext{
		Context: h.request.Context(), info: info, trace: new(httptrace.ClientTrace),
		variables: h.variables,
	})
	req := h.request.WithContext(ctx)
	to := h.url
	to.Host = hostOf(info, to.Scheme)
	req.URL, req.Header = &to, h.request.Header.Clone()
	if first, ok := reverseproxy.GetDialInfo(h.request.Context()); ok && req.Host == first.Address {
		req.Host = info.Address // as Caddy sets it for TLS, and many configs do
	}
	return req, cancel
}

// pickRequest returns the request for the pick of the second endpoint, which runs while the
// transport of the first one may write into the variables of the request.
func (h *hedge) pickRequest() *http.Request {
	r := h.attempts.request
	return r.WithContext(context.WithValue(r.Context(), caddyhttp.VarsCtxKey, h.variables))
}

// dialInfoOf returns how to dial an address, as Caddy finds it for an upstream.
func dialInfoOf(address string) reverseproxy.DialInfo {
	info := reverseproxy.DialInfo{Upstream: &reverseproxy.Upstream{Dial: address}}
	parsed, err := caddy.ParseNetworkAddress(address)
	if err != nil {
		return info // no list has such an address
	}
	info.Network, info.Address, info.Host = parsed.Network, parsed.JoinHostPort(0), parsed.Host
	info.Port = strconv.Itoa(int(parsed.StartPort))
	return info
}

// hostOf returns the host in the URL of a request, as Caddy sets it.
func hostOf(info reverseproxy.DialInfo, scheme string) string {
	if scheme == "http" && info.Port == "80" || scheme == "https" && info.Port == "443" {
		return info.Host
	}
	return info.Address
}

func variablesOf(ctx context.Context) map[string]any {
	variables, _ := ctx.Value(caddyhttp.VarsCtxKey).(map[string]any)
	return maps.Clone(variables)
}

// hedgeContext is the context of a request that goes to a second endpoint at the same time. What
// the transport writes into belongs to each of the two: the variables and the trace, which passes
// informational responses on to the client.
type hedgeContext struct {
	context.Context
	info      reverseproxy.DialInfo
	trace     *httptrace.ClientTrace
	variables map[string]any
}

// Value implements context.Context.
func (c *hedgeContext) Value(key any) any {
	switch key {
	case dialInfoKey:
		return c.info
	case caddyhttp.VarsCtxKey:
		return c.variables
	}
	value := c.Context.Value(key)
	switch of := value.(type) {
	case *httptrace.ClientTrace: // net/http does not export the key
		return c.trace
	case *caddy.Replacer:
		return c.replacer(of)
	}
	return value
}

// replacer returns the placeholders of the request with those about the upstream, which a name for
// TLS may have.
func (c *hedgeContext) replacer(of *caddy.Replacer) *caddy.Replacer {
	own := caddy.NewEmptyReplacer()
	own.Map(func(key string) (any, bool) {
		switch key {
		case "http.reverse_proxy.upstream.address":
			return c.info.String(), true
		case "http.reverse_proxy.upstream.hostport":
			return c.info.Address, true
		case "http.reverse_proxy.upstream.host":
			return c.info.Host, true
		case "http.reverse_proxy.upstream.port":
			return c.info.Port, true
		}
		return of.Get(key)
	})
	return own
}
