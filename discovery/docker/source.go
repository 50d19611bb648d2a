// Package docker is the source of pools that follows the containers of a Docker-compatible engine. It is a module of its own,
// so that only those who want it pay for the client:
//
//	xcaddy build --with github.com/caddy-balance/caddy-balance/discovery/docker
package docker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
)

func init() { caddy.RegisterModule(new(Source)) }

// Source follows the containers that have a label, on Docker, Podman or whatever else has Docker's API. Choose it where
// containers of one machine come and go: with Compose, and with replicas that are scaled by hand.
//
// A container serves while it runs; one that is paused, restarting or stopped does not. If its image has a HEALTHCHECK, it
// serves while that says healthy. Its id is its name, so that it keeps its share of a hash policy when it is restarted and gets
// another address. Labels say the rest:
//
//	balance.port          the port, if it is not the one that the image exposes
//	balance.weight        0 to 65535, 0 drains; default 1
//	balance.priority      the tier; lower numbers serve first; default 0
//	balance.zone          where it runs
//	balance.max_requests  the most requests in flight at once
//	balance.id            a name instead of the container's
//
// A container with a mistake in these labels, or whose address cannot be told, is left out, and one error names it.
//
// The list is read anew a moment after each event of a container or network, and once a minute. A container that is gone
// is gone at once, with no wait for it to come back, because the engine gives its address to the next one, which may
// be anything. (Where all lost their health, the pool waits as usual before it believes that.)
//
// Whoever may use the engine's socket is root on its machine. Rather than give Caddy the socket itself, put a proxy
// before it that lets through nothing but GET of /_ping, /containers/* and /events.
type Source struct {
	// The label that the containers have, `name` or `name=value`, such as com.docker.compose.service=web. Required; may
	// hold placeholders such as {env.SERVICE}.
	Label string `json:"label"`

	// Where the engine listens, unix:///path or tcp://host:port. May hold placeholders such as {env.DOCKER_HOST}.
	// Default: unix:///var/run/docker.sock.
	Host string `json:"host,omitempty"`

	// The network whose address is used, for containers that are in several. Compose puts the project's name and an underscore
	// before the names of its own. May hold placeholders.
	Network string `json:"network,omitempty"`

	// The port inside of the container, for those that have no label balance.port. Default: the one TCP port that the image exposes.
	Port int `json:"port,omitempty"`

	// Whether to use the port of the engine's machine that the container's port is published on. Choose it where
	// Caddy cannot reach the networks of the containers.
	Published bool `json:"published,omitempty"`

	// How long the engine may take to answer before that is an error. Default: 5s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// How to speak TLS to a tcp host: whom to trust, and which certificate to show. Without it there is no TLS.
	TLS *reverseproxy.TLSConfig `json:"tls,omitempty"`

	tls     *tls.Config
	machine string // where published ports are
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
//	source docker <label>[=<value>] {
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
	options := []caddyfile.Param{
		caddyfile.String("host", &s.Host),
		caddyfile.String("network", &s.Network),
		caddyfile.Int("port", &s.Port, 1, maxPort),
		caddyfile.Flag("published", &s.Published),
		caddyfile.Duration("timeout", &s.Timeout),
	}
	return caddyfile.Parse(d,
		caddyfile.String("label", &s.Label),
		caddyfile.Block(append(options, caddyfile.TLS(&s.TLS)...)...),
	)
}

// Provision implements caddy.Provisioner. It opens no connection.
func (s *Source) Provision(ctx caddy.Context) error {
	if s.Host == "" {
		s.Host = defaultHost
	}
	if s.Timeout == 0 {
		s.Timeout = caddy.Duration(defaultTimeout)
	}
	for _, field := range []struct {
		name  string
		value *string
	}{{"label", &s.Label}, {"host", &s.Host}, {"network", &s.Network}} {
		if err := discovery.Resolve(field.name, field.value); err != nil {
			return err
		}
	}
	if err := s.check(); err != nil {
		return err
	}
	return s.secure(ctx)
}

func (s *Source) check() (err error) {
	switch {
	case s.Label == "" || strings.HasPrefix(s.Label, "="):
		return fmt.Errorf("label: %q has no name; expected name or name=value, such as com.docker.compose.service=web", s.Label)
	case s.Port < 0 || s.Port > maxPort:
		return fmt.Errorf("port: %d is not between 1 and %d", s.Port, maxPort)
	case s.Published && s.Network != "":
		return errors.New("network: has no meaning with published, which uses ports of the engine's machine")
	case s.Timeout < 0:
		return fmt.Errorf("timeout: %s is negative", time.Duration(s.Timeout))
	}
	s.machine, err = machine(s.Host)
	return err
}

func (s *Source) secure(ctx caddy.Context) (err error) {
	if s.TLS == nil {
		return nil
	}
	if !strings.HasPrefix(s.Host, "tcp://") {
		return fmt.Errorf("tls: %s has none; expected a host that begins with tcp://", s.Host)
	}
	if s.tls, err = s.TLS.MakeTLSClientConfig(ctx); err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	if s.tls == nil { // if no option was needed
		s.tls = new(tls.Config)
	}
	return nil
}

// Run implements discovery.Source.
func (s *Source) Run(ctx context.Context, report discovery.Report) error {
	client, err := s.connect()
	if err == nil {
		defer func() { _ = client.Close() }()
		f := follower{source: s, client: client}
		err = f.run(ctx, report)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Source)(nil)
	_ caddyfile.Unmarshaler = (*Source)(nil)
	_ discovery.Source      = (*Source)(nil)
)
