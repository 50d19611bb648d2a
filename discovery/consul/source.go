// Package consul is the source of pools that follows services in HashiCorp Consul. It is a Go
// module of its own, so that only builds that use it contain Consul's client:
//
//	xcaddy build --with github.com/caddy-balance/caddy-balance \
//		--with github.com/caddy-balance/caddy-balance/discovery/consul
//
// source.go has the settings and settings.go their checks. follow.go queries Consul, client.go is
// the connection, and instance.go and format.go make an endpoint of an instance.
package consul

import (
	"crypto/tls"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/format"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(Source)) }

// Source follows the healthy instances of one or several services in Consul. Choose it when
// services register with Consul. A change arrives as soon as Consul knows it, because each query
// waits at Consul for the next change (a "blocking query").
//
// An instance becomes an endpoint like this:
//
//	address       the service's address, or its node's if it has none, and the service's port
//	weight        Weights.Passing of the service, or Weights.Warning while a check warns; 0 drains
//	id            the node's name and the service's ID, so that hashing survives a new address
//	zone          the first of: meta zone of the service, the zone of its locality, meta zone_meta
//	              of its node, the zone of its node's locality
//	priority      meta priority of the service, a whole number
//	max_requests  meta max_requests of the service, a whole number
//	draining      meta draining of the service, true or false
//	metadata      the service's meta
//
// An instance that Kratos registered, with URLs as its tagged addresses, has the address of one of
// these URLs, its weight from the meta weight (100 without one, as in Kratos), and the version of
// its tag version in its metadata. If its ID is a UUID, which is new at each start, its address
// stands for it. Kitex and Hertz write what is metadata as tags such as zone:eu-1a, which the
// format kitex reads.
//
// An instance with a mistake, such as port 0 or a priority that is not a number, is dropped alone,
// and the log names it. Instances that are critical or in maintenance are left out.
//
// The token, if Consul requires one, needs the rules `service_prefix "" { policy = "read" }` and
// `node_prefix "" { policy = "read" }`, or the same for only the services and nodes concerned.
//
// After an error the pool keeps its list and asks again after growing pauses.
//
// The environment variables of Consul's command line, such as CONSUL_HTTP_TOKEN, have no effect.
// Write `token {env.CONSUL_HTTP_TOKEN}` to use one. Placeholders are replaced in every text when
// the config is loaded.
type Source struct {
	// The names of the services. At least one is required. Their instances are merged into one
	// list, and of two instances with the same address the one of the first service counts. The
	// services of one source fail together. Give each its own source if that matters.
	Services []string `json:"services"`

	// The address of Consul's HTTP API, preferably an agent on the same machine: host and port, a
	// URL with http or https and an optional path, or a unix socket such as unix//run/consul.sock.
	// Default: 127.0.0.1:8500.
	Address string `json:"address,omitempty"`

	// The TLS settings. Their presence turns TLS on. Default: no TLS, unless the address begins
	// with https://.
	TLS *reverseproxy.TLSConfig `json:"tls,omitempty"`

	// The ACL token, preferably a placeholder such as {env.CONSUL_HTTP_TOKEN}. Default: none, which
	// makes Consul use the agent's default token, or the anonymous one.
	Token string `json:"token,omitempty" balance:"secret"`

	// The datacenter of the services. Default: the agent's own.
	Datacenter string `json:"datacenter,omitempty"`

	// The namespace of the services (Consul Enterprise). Default: the token's.
	Namespace string `json:"namespace,omitempty"`

	// The admin partition of the services (Consul Enterprise). Default: the agent's.
	Partition string `json:"partition,omitempty"`

	// The tags that an instance must have, all of them. Default: none.
	Tags []string `json:"tags,omitempty"`

	// An expression in Consul's [filter
	// language](https://developer.hashicorp.com/consul/api-docs/features/filtering), such as
	// `Service.Meta.version == "v2"`. Default: none.
	Filter string `json:"filter,omitempty"`

	// The metadata that the node of an instance must have, all of it. Default: none.
	NodeMeta map[string]string `json:"node_meta,omitempty"`

	// Whether any Consul server may answer, not only the leader. This spares the leader and works
	// while there is none, but answers are a little behind. Default: false.
	AllowStale bool `json:"allow_stale,omitempty"`

	// Whether instances with a check that warns serve too, with the weight that they have for this
	// case. Default: false.
	PassWarning bool `json:"pass_warning,omitempty"`

	// The maximum time that a query waits at Consul for a change, from 1s to 10m. If Consul loses
	// its state while the connection holds, the source notices at the end of the wait. Choose less
	// to notice sooner. Default: 55s, which ends before proxies in between give up at 60s.
	Wait caddy.Duration `json:"wait,omitempty"`

	// The key of the node metadata that holds the zone. Default: zone.
	ZoneMeta string `json:"zone_meta,omitempty"`

	// The framework that registered the instances: `kitex` for Kitex and Hertz, `kratos` for
	// Kratos, or `auto` to recognize Kratos by its URLs. Default: `auto`.
	Format string `json:"format,omitempty"`

	// The scheme of the URL to use of each Kratos instance, such as `grpc`. An instance without
	// such a URL is dropped. Default: `http`, else `https`, else the only one.
	Scheme string `json:"scheme,omitempty"`

	tls *tls.Config
}

const (
	defaultAddress  = "127.0.0.1:8500"
	defaultZoneMeta = "zone"

	// defaultWait stays below 60s even with the sixteenth that Consul may add to a wait so that not
	// all clients return at once: the sum is 58.4s at most.
	defaultWait = 55 * time.Second

	// longestWait is Consul's own limit.
	longestWait = 10 * time.Minute
)

// CaddyModule returns the Caddy module information.
func (*Source) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.sources.consul",
		New: func() caddy.Module { return new(Source) },
	}
}

// UnmarshalJSON refuses zeros that would become defaults.
func (s *Source) UnmarshalJSON(data []byte) error {
	type fields Source
	return options.Decode(data, (*fields)(s), "wait")
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
//	    format       auto|kitex|kratos
//	    scheme       <scheme>
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
			caddyfile.DurationFrom("wait", &s.Wait, time.Second),
			caddyfile.String("zone_meta", &s.ZoneMeta),
			caddyfile.Func("format", "auto, kitex or kratos", func(text string) bool {
				s.Format = text
				return format.Known(text)
			}),
			caddyfile.String("scheme", &s.Scheme),
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
