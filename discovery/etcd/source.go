// Package etcd is the source of pools that follows a prefix of keys in etcd. It is a Go module of
// its own, so that only builds that use it contain etcd's client:
//
//	xcaddy build --with github.com/caddy-balance/caddy-balance \
//		--with github.com/caddy-balance/caddy-balance/discovery/etcd
//
// source.go has the settings and settings.go their checks. follow.go lists and watches, client.go
// is the connection, and instance.go makes an endpoint of a key and its value.
package etcd

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

// Source follows a prefix of keys in etcd (version 3.4 or newer), where each key is one endpoint.
// Choose it when services register in etcd. They should do so with a lease, because etcd deletes
// their key when they stop renewing it.
//
// A value is an address such as `10.0.0.7:8080`, or an endpoint in JSON with any of these fields:
//
//	{"address": "10.0.0.7:8080", "weight": 3, "id": "web-7", "zone": "eu-1a", "priority": 0,
//	 "max_requests": 200, "draining": false, "metadata": {"version": "v2"}}
//
// or what a framework registers. Values with weight 0 of Kitex, and without a weight of Kratos, get
// the weight that these frameworks assume:
//
//	naming/endpoints  {"Op": 0, "Addr": "10.0.0.7:8080", "Metadata": {"weight": 3, ...}}
//	Kitex, Hertz      {"network": "tcp", "address": "10.0.0.7:8888", "weight": 10, "tags": {...}}
//	Kratos            {"id": "...", "version": "v2", "metadata": {"weight": "3", ...},
//	                   "endpoints": ["http://10.0.0.7:8000", "grpc://10.0.0.7:9000"]}
//
// Of metadata and tags, `zone` sets that field, and so does `weight` except in tags. A value with a
// mistake is dropped alone, and one error names its key.
//
// An endpoint without an `id` in its value gets the part of its key below the prefix, so that it
// keeps its share of a hash policy when its address changes. A key that ends in the number of its
// own lease, as go-zero makes them, is new on each start. Such an endpoint has no ID, and its
// address stands for it.
//
// The source lists the keys once and then watches from that revision. After a broken watch it lists
// them again. It does not resume a watch, because an etcd that came back with an older or an empty
// state would accept that and send nothing. Every 30 seconds the source also compares etcd's
// revision with the highest that it has seen. While etcd cannot be reached, the pool keeps the last
// list.
//
// Removals are not authoritative, not even of deleted keys, because leases also end when the
// services cannot reach etcd. The pool therefore delays the loss of all or nearly all endpoints.
//
// If etcd checks permissions, the user needs a role that may read the prefix.
type Source struct {
	// The beginning of the keys. Required. If it ends in a letter or a digit, a slash is added, so
	// that services/web does not match services/web-admin. Placeholders such as {env.SERVICE} are
	// replaced when the config is loaded.
	Prefix string `json:"prefix"`

	// The members of the cluster, such as https://10.0.0.1:2379. At least one is required. All must
	// have the same scheme. An address without a scheme gets https if tls is set, and http
	// otherwise. Placeholders are replaced when the config is loaded.
	Endpoints []string `json:"endpoints"`

	// The layout of the values: `kitex` for that of Kitex and Hertz, `kratos` for that of Kratos,
	// or `auto` to recognize each value by its fields. Choose one to have all other values
	// reported. Default: `auto`.
	Format string `json:"format,omitempty"`

	// The scheme of the URL to use of each Kratos instance, such as `grpc`. An instance without
	// such a URL is dropped. Placeholders are replaced when the config is loaded. Default: `http`,
	// else `https`, else the only one.
	Scheme string `json:"scheme,omitempty"`

	// The user to log in as, if etcd checks permissions. Placeholders are replaced when the config
	// is loaded. Default: none.
	Username string `json:"username,omitempty" balance:"secret"`

	// The password of the user, preferably a placeholder such as {env.ETCD_PASSWORD} or
	// {file./run/secrets/etcd}, which is replaced when the config is loaded. Required with a user.
	Password string `json:"password,omitempty" balance:"secret"`

	// The maximum time of an answer of etcd. An answer that takes longer is an error. Default: 5s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// The TLS settings: the authorities to trust, and the certificate to show. Endpoints with https
	// need them only if the system does not trust etcd's certificate, or if etcd wants one.
	// Default: no TLS, unless the endpoints have the scheme https.
	TLS *reverseproxy.TLSConfig `json:"tls,omitempty"`

	prefix    string   // with its slash
	endpoints []string // with their scheme
	tls       *tls.Config
	interval  time.Duration // from one check of etcd's revision to the next
}

const (
	defaultTimeout = 5 * time.Second

	// checkInterval is the maximum time in which the source misses that etcd went back to an older
	// state without breaking the connection, as behind etcd's gRPC proxy. A check is cheap for
	// etcd, because it counts the keys and reads no value.
	checkInterval = 30 * time.Second
)

// CaddyModule returns the Caddy module information.
func (*Source) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.sources.etcd",
		New: func() caddy.Module { return new(Source) },
	}
}

// UnmarshalJSON refuses zeros that would become defaults.
func (s *Source) UnmarshalJSON(data []byte) error {
	type fields Source
	return options.Decode(data, (*fields)(s), "timeout")
}

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	source etcd <prefix> {
//	    endpoints <urls...>
//	    format    auto|kitex|kratos
//	    scheme    <scheme>
//	    username  <name>
//	    password  <password>
//	    timeout   <duration>
//	    tls
//	    tls_server_name <name>
//	    tls_trust_pool <provider> ...
//	    tls_client_auth <cert_file> <key_file>
//	    tls_insecure_skip_verify
//	}
func (s *Source) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d,
		caddyfile.String("prefix", &s.Prefix),
		caddyfile.Block(
			caddyfile.Strings("endpoints", &s.Endpoints),
			caddyfile.Func("format", "auto, kitex or kratos", func(text string) bool {
				s.Format = text
				return format.Known(text)
			}),
			caddyfile.String("scheme", &s.Scheme),
			caddyfile.String("username", &s.Username),
			caddyfile.String("password", &s.Password),
			caddyfile.DurationFrom("timeout", &s.Timeout, discovery.MinDuration),
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
