// Package etcd is the source of pools that follows a prefix of keys in etcd. It is a Go module of
// its own, so that only builds that use it contain etcd's client:
//
//	xcaddy build --with github.com/caddy-balance/caddy-balance --with github.com/caddy-balance/caddy-balance/discovery/etcd
//
// source.go has the settings and settings.go their checks. follow.go lists and watches, client.go
// is the connection, and instance.go and naming.go make an endpoint of a value.
package etcd

import (
	"crypto/tls"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
)

func init() { caddy.RegisterModule(new(Source)) }

// Source follows a prefix of keys in etcd (version 3.4 or newer), where each key is one endpoint.
// Choose it when services put themselves into etcd, as a rule with a lease, so that they vanish
// when they stop renewing it.
//
// A value is an address such as `10.0.0.7:8080`, or an endpoint in JSON with any of these fields:
//
//	{"address": "10.0.0.7:8080", "weight": 3, "id": "web-7", "zone": "eu-1a", "priority": 0,
//	 "max_requests": 200, "draining": false, "metadata": {"version": "v2"}}
//
// or what etcd's own Go package naming/endpoints writes, `{"Op": 0, "Addr": "10.0.0.7:8080",
// "Metadata": {...}}`, of which the metadata `weight` and `zone` set these fields. A value with a
// mistake costs that endpoint only, and one error names its key.
//
// An endpoint that has no `id` in its value gets the part of its key below the prefix, so that it
// keeps its share of a hash policy when its address changes. A key that ends in the number of its
// own lease, as go-zero makes them, is a new one on each start and therefore no id; the address is.
//
// The source lists once and then watches from that revision. A watch that broke is not resumed,
// because etcd says nothing if it came back with an older or an empty state: the source lists anew.
// Twice a minute it also compares etcd's revision with what it has seen. While etcd cannot be
// reached the pool keeps the last list.
//
// No removal is final, not even a deleted key: leases that all end at once, when it is etcd that
// the services could not reach, look the same. The pool thus waits a moment before it believes that
// everybody is gone.
//
// If etcd checks permissions, the user needs a role that may read the prefix.
type Source struct {
	// What the keys begin with. If it ends in a letter or a digit a slash is added, so that
	// services/web is not services/web-admin too. Required; may hold placeholders such as
	// {env.SERVICE}.
	Prefix string `json:"prefix"`

	// The members of the cluster, such as https://10.0.0.1:2379, at least one. All have the same
	// scheme; without one it is https if tls is set, and otherwise http. May hold placeholders.
	Endpoints []string `json:"endpoints"`

	// The user to log in as, if etcd asks for one. May be a placeholder.
	Username string `json:"username,omitempty"`

	// The password of that user. Best a placeholder such as {env.ETCD_PASSWORD} or
	// {file./run/secrets/etcd}.
	Password string `json:"password,omitempty"`

	// How long etcd may take to answer before that is an error. Default: 5s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// How to speak TLS: whom to trust, and which certificate to show. With https endpoints it is
	// only needed if the system's trusted certificates are not enough.
	TLS *reverseproxy.TLSConfig `json:"tls,omitempty"`

	prefix    string   // with its slash
	endpoints []string // with their scheme
	tls       *tls.Config
	interval  time.Duration // from one look at etcd's revision to the next
}

const (
	defaultTimeout = 5 * time.Second

	// checkInterval bounds how long a state that went back can go unseen where no connection broke,
	// behind etcd's gRPC proxy. A look costs etcd next to nothing.
	checkInterval = 30 * time.Second
)

// CaddyModule returns the Caddy module information.
func (*Source) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.sources.etcd",
		New: func() caddy.Module { return new(Source) },
	}
}

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	source etcd <prefix> {
//	    endpoints <urls...>
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
			caddyfile.String("username", &s.Username),
			caddyfile.String("password", &s.Password),
			caddyfile.Duration("timeout", &s.Timeout),
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
