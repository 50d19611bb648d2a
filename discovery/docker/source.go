// Package docker is the source of pools that follows the containers of a Docker-compatible engine.
// It is a Go module of its own, so that only builds that use it contain the engine's client:
//
//	xcaddy build --with github.com/caddy-balance/caddy-balance --with github.com/caddy-balance/caddy-balance/discovery/docker
//
// source.go has the settings and settings.go their checks. follow.go follows the engine, client.go
// is the connection, and instance.go and network.go make an endpoint of a container.
package docker

import (
	"crypto/tls"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
)

func init() { caddy.RegisterModule(new(Source)) }

// Source follows the containers that have certain labels, on Docker, Podman or any other engine
// with Docker's API. Choose it where containers of one machine come and go: with Compose, and with
// replicas that are scaled by hand.
//
// A container serves while it runs. One that is paused, restarting or stopped does not. If its
// image has a HEALTHCHECK, it serves while that reports healthy. Its ID is its name, so that it
// keeps its share of a hash policy when it restarts with another address. Labels set the rest:
//
//	balance.port          the port, if it is not the one that the image exposes
//	balance.address       the host, instead of the address that the engine tells
//	balance.weight        0 to 65535, 0 drains; default 1
//	balance.priority      the tier; lower numbers serve first; default 0
//	balance.zone          where it runs
//	balance.max_requests  the maximum number of requests in flight at once
//	balance.id            a name instead of the container's
//
// A container that uses the network of another one (`network_mode: service:vpn` or `container:...`)
// has that one's address, and the ports that are published there. The engine tells no address of a
// container with the network mode `host`: it needs balance.address, or the option published if
// Caddy runs on the same machine or reaches the engine by tcp.
//
// A container with a mistake in these labels, or without a usable address, is dropped alone, and
// one error names it.
//
// The list is read again a moment after each event of a container or network, and once a minute. A
// container that is gone leaves at once, because the engine may give its address to any other
// container. (When all containers turn unhealthy together, the pool delays the loss as usual.)
//
// Access to the engine's socket is root access to its machine. Do not give Caddy the socket itself.
// Put a proxy before it that only admits GET and HEAD of /_ping, /containers/* and /events.
type Source struct {
	// The labels that the containers must have, all of them, each as `name` or `name=value`, such
	// as com.docker.compose.service=web. A list, or the text of a single label. At least one is
	// required. Placeholders such as {env.SERVICE} are replaced when the config is loaded.
	Labels Labels `json:"label"`

	// The address of the engine, unix:///path or tcp://host:port. Placeholders such as
	// {env.DOCKER_HOST} are replaced. Default: unix:///var/run/docker.sock.
	Host string `json:"host,omitempty"`

	// The network whose address is used, for containers in several networks. Compose puts the
	// project's name and an underscore before the names of its own. Placeholders are replaced.
	// Default: the only network.
	Network string `json:"network,omitempty"`

	// The port inside of the containers that have no label balance.port. Default: the only TCP port
	// that the image exposes.
	Port int `json:"port,omitempty"`

	// Whether to use the port of the engine's machine on which the container's port is published.
	// Choose it where Caddy cannot reach the networks of the containers. Default: false.
	Published bool `json:"published,omitempty"`

	// The maximum time of an answer of the engine. An answer that takes longer is an error.
	// Default: 5s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// The TLS settings for a tcp host. Their presence turns TLS on. Default: no TLS.
	TLS *reverseproxy.TLSConfig `json:"tls,omitempty"`

	tls     *tls.Config
	machine string // the host of published ports
}

const (
	defaultTimeout = 5 * time.Second
	defaultHost    = "unix:///var/run/docker.sock"
)

// CaddyModule returns the Caddy module information.
func (*Source) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.sources.docker",
		New: func() caddy.Module { return new(Source) },
	}
}

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	source docker <labels...> {
//	    host      <url>
//	    network   <name>
//	    port      <number>
//	    published
//	    timeout   <duration>
//	    tls
//	    tls_server_name <name>
//	    tls_trust_pool <provider> ...
//	    tls_client_auth <cert_file> <key_file>
//	    tls_insecure_skip_verify
//	}
func (s *Source) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d,
		caddyfile.Strings("label", (*[]string)(&s.Labels)),
		caddyfile.Block(
			caddyfile.String("host", &s.Host),
			caddyfile.String("network", &s.Network),
			caddyfile.Int("port", &s.Port, 1, maxPort),
			caddyfile.Flag("published", &s.Published),
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
