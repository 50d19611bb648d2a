// Package nacos is the source of pools that follows a service in Nacos. It is a Go module of its
// own, so that only builds that use it contain Nacos' protocol:
//
//	xcaddy build --with github.com/caddy-balance/caddy-balance \
//		--with github.com/caddy-balance/caddy-balance/discovery/nacos
//
// source.go has the settings and settings.go their checks. follow.go subscribes and listens,
// client.go and login.go connect to a server, and instance.go makes an endpoint of an instance.
package nacos

import (
	"crypto/tls"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(Source)) }

// Source subscribes to a service in Nacos 2 or newer, which pushes each change over gRPC. Choose it
// when services register with Nacos.
//
// An instance becomes an endpoint like this:
//
//	address       its ip and port
//	weight        its weight; 0 drains. If any weight has a fraction, all are multiplied by 10 or
//	              100, so that 0.5 and 1 are 5 and 10
//	draining      true if it is not enabled ("offline" in Nacos' console), or if metadata
//	              draining is true
//	id            metadata id
//	zone          metadata zone, or its cluster unless that is DEFAULT
//	priority      metadata priority, a whole number
//	max_requests  metadata max_requests, a whole number
//	metadata      its metadata
//
// An instance that is not healthy is left out. An instance with a mistake, such as port 0, is
// dropped alone, and the log names it. Below its protection threshold Nacos itself reports all
// instances as healthy. After an error the pool keeps its list, and the source connects again after
// growing pauses. Placeholders are replaced when the config is loaded.
//
// The source speaks Nacos' protocol with the messages of its official SDK, but not through the
// SDK's client, which keeps log and cache files and can end the process.
type Source struct {
	// The name of the service. Required.
	Service string `json:"service"`

	// The servers, each as host and port of the HTTP API. The default port is 8848. gRPC is
	// expected at the port + 1000. One server is used at a time. Default: 127.0.0.1:8848.
	Servers []string `json:"servers,omitempty"`

	// The ID of the namespace. Default: public.
	Namespace string `json:"namespace,omitempty"`

	// The group of the service. Default: DEFAULT_GROUP.
	Group string `json:"group,omitempty"`

	// The clusters whose instances are used. Default: all.
	Clusters []string `json:"clusters,omitempty"`

	// The user to log in as, with permission to read the namespace. Default: none.
	Username string `json:"username,omitempty" balance:"secret"`

	// The password of the user, preferably a placeholder such as {env.NACOS_PASSWORD}. Required
	// with a user.
	Password string `json:"password,omitempty" balance:"secret"`

	// The path at which the HTTP API begins. Only the login uses it. Default: /nacos.
	ContextPath string `json:"context_path,omitempty"`

	// The TLS settings for gRPC and the login. Their presence turns TLS on. Default: no TLS.
	TLS *reverseproxy.TLSConfig `json:"tls,omitempty"`

	tls     *tls.Config
	servers []server
}

// CaddyModule returns the Caddy module information.
func (*Source) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.sources.nacos",
		New: func() caddy.Module { return new(Source) },
	}
}

// UnmarshalJSON makes errors name the option.
func (s *Source) UnmarshalJSON(data []byte) error {
	type fields Source
	return options.Decode(data, (*fields)(s))
}

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	source nacos <service> {
//	    servers      <host:port...>
//	    namespace    <id>
//	    group        <name>
//	    cluster      <names...>
//	    username     <name>
//	    password     <password>
//	    context_path <path>
//	    tls
//	    tls_server_name          <name>
//	    tls_trust_pool           <module> ...
//	    tls_client_auth          <certificate file> <key file>
//	    tls_insecure_skip_verify
//	}
func (s *Source) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d,
		caddyfile.String("service", &s.Service),
		caddyfile.Block(
			caddyfile.Strings("servers", &s.Servers),
			caddyfile.String("namespace", &s.Namespace),
			caddyfile.String("group", &s.Group),
			caddyfile.Strings("cluster", &s.Clusters),
			caddyfile.String("username", &s.Username),
			caddyfile.String("password", &s.Password),
			caddyfile.String("context_path", &s.ContextPath),
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
