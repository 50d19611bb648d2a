// Package layer4 sends TCP and UDP connections to the endpoints of pools. It is a Go module of its
// own, so that only builds that use it contain the app for layer 4:
//
//	xcaddy build --with github.com/caddy-balance/caddy-balance \
//		--with github.com/caddy-balance/caddy-balance/layer4
//
// pool.go has the settings, and provision.go what becomes of them. connection.go follows one
// connection: dial.go reaches an endpoint, relay.go passes the bytes on, idle.go ends what has
// stopped. role.go closes connections to endpoints that may not serve any more.
package layer4

import (
	"crypto/tls"
	"encoding/json"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	l4 "github.com/mholt/caddy-l4/layer4"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/discovery/pool"
	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/options"
	"github.com/caddy-balance/caddy-balance/internal/role"
)

func init() { caddy.RegisterModule(new(Pool)) }

// Pool is a handler that passes each connection on to an endpoint of a pool. Choose it for
// databases, caches, and anything else over TCP or UDP that is not HTTP.
//
// The pool is defined as it is for HTTP. A pool of the same name and with an equal definition is
// the same pool in both.
//
// If an endpoint cannot be connected to, another one is tried, because nothing of the client was
// sent yet. Bytes pass in both directions until both sides have closed theirs. On Linux the kernel
// moves the bytes of plain TCP connections without a copy.
//
// An endpoint whose address names no network is dialed by that of the client: a pool serves TCP in
// a server for TCP, and UDP in one for UDP. Reloads keep connections.
type Pool struct {
	pool.Definition

	// What picks the endpoint of a connection: a selection policy of this plugin. Where it goes by
	// latency, that is the time to connect and the time from there, or from the first bytes of the
	// client, to the first byte of the endpoint. Texts may have placeholders of connections such as
	// `{l4.pool.client_ip}`, which has no port, and `{l4.tls.server_name}`. Default:
	// adaptive_latency.
	PolicyRaw json.RawMessage `json:"policy,omitempty" caddy:"namespace=http.reverse_proxy.selection_policies inline_key=policy"`

	// The maximum number of further endpoints that are tried for a connection, after the first one
	// cannot be connected to. -1 tries no other. Default: 2.
	Retries int `json:"retries,omitempty"`

	// The maximum time for connecting to an endpoint, with its TLS handshake. The minimum is 1ms.
	// Default: 3s.
	ConnectTimeout caddy.Duration `json:"connect_timeout,omitempty"`

	// The time after which a TCP connection is closed on which no byte has passed in either
	// direction. The minimum is 1s. Set it above what clients such as pools of database connections
	// keep idle. For UDP, see `idle_timeout` of the server. Default: 0, which closes none.
	IdleTimeout caddy.Duration `json:"idle_timeout,omitempty"`

	// The version of the PROXY protocol, `v1` or `v2`, in which endpoints are told the address of
	// the client. They must expect it. For UDP the header is before each datagram, and only `v2`
	// has one. Default: none.
	ProxyProtocol string `json:"proxy_protocol,omitempty"`

	// How to speak TLS to the endpoints. Empty braces use TLS with the defaults. Default: no TLS.
	TLS *reverseproxy.TLSConfig `json:"tls,omitempty"`

	// The time after which the connections to an endpoint are closed once it does not pass its
	// checks any more, has left the list, or an operator has declared it down. 0s closes them at
	// once. Choose it for checks of a role, such as that of a database's primary: clients connect
	// again, and reach the endpoint that has the role now. They stay as long as the pool ignores
	// health (see `fail_open`). Default: connections stay.
	CloseOnUnhealthy *caddy.Duration `json:"close_on_unhealthy,omitempty"`

	transport *attempt.Transport
	picker    endpoint.Picker
	fallback  endpoint.Picker // for what the picker leaves to another policy; nil if there is none
	unexplain []func()
	tls       *tls.Config
	roles     *role.Watch[*relay] // nil if connections stay
}

// CaddyModule returns the Caddy module information.
func (*Pool) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "layer4.handlers.pool",
		New: func() caddy.Module { return new(Pool) },
	}
}

// UnmarshalJSON refuses options for HTTP requests, and zeros that would become defaults.
func (p *Pool) UnmarshalJSON(data []byte) error {
	if err := pool.RefuseForConnections(data, "close_on_unhealthy"); err != nil {
		return err
	}
	type fields Pool
	return options.Decode(data, (*fields)(p), "initial_wait", "max_endpoints", "retries", "connect_timeout")
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	pool <name> {
//	    source             <source> ...
//	    policy             <policy> ...
//	    retries            <number>|off
//	    connect_timeout    <duration>
//	    idle_timeout       <duration>
//	    proxy_protocol     v1|v2
//	    close_on_unhealthy <duration>
//	    tls                ...
//	    ...                further options of pools
//	}
func (p *Pool) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d, caddyfile.String("name", &p.Name), caddyfile.Block(
		caddyfile.Group(p.Options()...),
		caddyfile.Module("policy", "http.reverse_proxy.selection_policies", "policy", &p.PolicyRaw),
		caddyfile.OrOff(caddyfile.Int("retries", &p.Retries, 1, maxRetries), &p.Retries, noRetries),
		caddyfile.DurationFrom("connect_timeout", &p.ConnectTimeout, discovery.MinDuration),
		caddyfile.Duration("idle_timeout", &p.IdleTimeout),
		caddyfile.Func("proxy_protocol", "v1 or v2", func(text string) bool {
			p.ProxyProtocol = text
			return proxyVersions[text] != 0
		}),
		caddyfile.Pointer(caddyfile.Duration, "close_on_unhealthy", &p.CloseOnUnhealthy),
		caddyfile.TLS(&p.TLS),
	))
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Pool)(nil)
	_ caddy.CleanerUpper    = (*Pool)(nil)
	_ caddyfile.Unmarshaler = (*Pool)(nil)
	_ l4.NextHandler        = (*Pool)(nil)
)
