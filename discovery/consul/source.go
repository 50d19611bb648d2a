// Package consul discovers the endpoints of a pool in HashiCorp Consul. It is a Go module of its
// own, so that only builds that use it contain Consul's client:
//
//	xcaddy build --with github.com/caddy-balance/caddy-balance --with github.com/caddy-balance/caddy-balance/discovery/consul
//
// source.go has the settings and settings.go their checks. follow.go asks and waits, client.go is
// the connection, and instance.go makes an endpoint of an instance.
package consul

import (
	"crypto/tls"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
)

func init() { caddy.RegisterModule(new(Source)) }

// Source follows the healthy instances of one or several services in Consul. A change arrives as
// soon as Consul knows it, because a query waits there for the next one ("blocking query"). Choose
// it when services register with Consul.
//
// An instance becomes an endpoint like this:
//
//	address       the service's address, or its node's if it has none, and the service's port
//	weight        Weights.Passing of the service, and Weights.Warning while a check warns; 0 drains
//	id            the node's name and the service's ID, so that hashing survives a new address
//	zone          meta zone of the service, its locality's zone, meta zone_meta of its node, or its node's locality's
//	priority      meta priority of the service, a whole number
//	max_requests  meta max_requests of the service, a whole number
//	draining      meta draining of the service, true or false
//	metadata      the service's meta
//
// An instance with a mistake, such as port 0 or a priority that is no number, is left out and named
// in the status; the others stay. Instances that are critical or in maintenance are left out.
//
// The token, if Consul wants one, needs the rules `service_prefix "" { policy = "read" }` and
// `node_prefix "" { policy = "read" }`, or the same for only the services and nodes concerned.
//
// The environment variables of Consul's command line, such as CONSUL_HTTP_TOKEN, have no effect;
// write `token {env.CONSUL_HTTP_TOKEN}` to use one. Placeholders are replaced in every text when
// the config is loaded.
type Source struct {
	// The names of the services, at least one. Their instances are merged; on a duplicate address
	// the first service wins. The services of one source fail together, so give each its own source
	// if that matters.
	Services []string `json:"services"`

	// Where Consul's HTTP API is, best an agent on the same machine: host and port, `http://` or
	// `https://` with an optional path, or a unix socket such as unix//run/consul.sock. Default:
	// 127.0.0.1:8500.
	Address string `json:"address,omitempty"`

	// How to speak TLS; its presence turns TLS on. Default: plain HTTP, unless the address begins
	// with https://.
	TLS *reverseproxy.TLSConfig `json:"tls,omitempty"`

	// The ACL token. Default: none, which makes Consul use the agent's own default token, or the
	// anonymous one.
	Token string `json:"token,omitempty"`

	// The datacenter to ask for. Default: the agent's own.
	Datacenter string `json:"datacenter,omitempty"`

	// The namespace of the services (Consul Enterprise). Default: the token's.
	Namespace string `json:"namespace,omitempty"`

	// The admin partition of the services (Consul Enterprise). Default: the agent's.
	Partition string `json:"partition,omitempty"`

	// Tags that an instance must have, all of them. Default: none.
	Tags []string `json:"tags,omitempty"`

	// A filter in [Consul's
	// language](https://developer.hashicorp.com/consul/api-docs/features/filtering), such as
	// `Service.Meta.version == "v2"`. Default: none.
	Filter string `json:"filter,omitempty"`

	// Metadata that the node of an instance must have, all of it. Default: none.
	NodeMeta map[string]string `json:"node_meta,omitempty"`

	// Whether any Consul server may answer, not only the leader. That spares the leader and goes on
	// while there is none, at the price of answers that are a little behind. Default: false.
	AllowStale bool `json:"allow_stale,omitempty"`

	// Whether instances with a check that warns serve as well, with the weight they have for it.
	// Default: false.
	PassWarning bool `json:"pass_warning,omitempty"`

	// How long a query waits at Consul for a change, from 1s to 10m. If Consul loses its state
	// without breaking the connection, only the end of the wait shows it, so short is safe and long
	// saves little. Default: 55s, which ends before proxies between give up at 60s.
	Wait caddy.Duration `json:"wait,omitempty"`

	// The key of the node metadata that holds the zone. Default: zone.
	ZoneMeta string `json:"zone_meta,omitempty"`

	tls *tls.Config
}

const (
	defaultAddress  = "127.0.0.1:8500"
	defaultZoneMeta = "zone"

	// Consul adds up to a sixteenth to a wait, so that not all clients return at once: 58.4s at
	// most.
	defaultWait = 55 * time.Second
	longestWait = 10 * time.Minute // Consul's own limit
)

// CaddyModule returns the Caddy module information.
func (*Source) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.sources.consul",
		New: func() caddy.Module { return new(Source) },
	}
}

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	source consul <services...> {
//	    address      <address>
//	    token        <token>
//	    datacenter   <name>
//	    namespace    <name>
//	    partition    <name>
//	    tag          <tags...>
//	    filter       <expression>
//	    node_meta    <key> <value>
//	    allow_stale
//	    pass_warning
//	    wait         <duration>
//	    zone_meta    <key>
//	    tls
//	    tls_server_name          <name>
//	    tls_trust_pool           <module> ...
//	    tls_client_auth          <certificate file> <key file>
//	    tls_insecure_skip_verify
//	}
func (s *Source) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d,
		caddyfile.Strings("service", &s.Services),
		caddyfile.Block(
			caddyfile.String("address", &s.Address),
			caddyfile.String("token", &s.Token),
			caddyfile.String("datacenter", &s.Datacenter),
			caddyfile.String("namespace", &s.Namespace),
			caddyfile.String("partition", &s.Partition),
			caddyfile.Strings("tag", &s.Tags),
			caddyfile.String("filter", &s.Filter),
			caddyfile.Pairs("node_meta", &s.NodeMeta),
			caddyfile.Flag("allow_stale", &s.AllowStale),
			caddyfile.Flag("pass_warning", &s.PassWarning),
			caddyfile.Duration("wait", &s.Wait),
			caddyfile.String("zone_meta", &s.ZoneMeta),
			caddyfile.TLS(&s.TLS),
		),
	)
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Source)(nil)
	_ caddyfile.Unmarshaler = (*Source)(nil)
	_ discovery.Source      = (*Source)(nil)
)
