package dns

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
)

func init() { caddy.RegisterModule(new(Source)) }

// DNSSource looks up endpoints in the DNS and follows their changes as their TTLs say. Choose it when
// the DNS already knows the endpoints, as it does of headless Services in Kubernetes, of services in Consul or
// Nomad, and of scaled services in Docker Compose; a source that pushes changes is quicker where there is one.
//
// `srv` takes the targets of SRV records ([RFC 2782](https://www.rfc-editor.org/rfc/rfc2782)) with their ports, weights and
// priorities. A lower priority serves first, as in a pool. The weight 0 means "little" in an SRV record and would drain
// an endpoint in a pool, so it becomes 1: beside other weights that is the chance which the RFC's own
// algorithm gives it. A target of `.` says that there is no such service, and is believed at once.
//
// Each address of a target is an endpoint, so that each is probed and counted by itself, and the target's
// weight is shared among them. (Weights are multiplied where they do not divide evenly.) A target with
// one address gives the endpoint its id, such as `web-0.example.com:8080`, so that policies that hash keep its
// keys when the address changes. The addresses come from the additional section of the
// answer if it has any of the target, else from queries of their own.
//
// `a` takes the addresses of a name, each an endpoint of weight 1 at the given port.
//
// No such name (NXDOMAIN) and no such record are answers, and empty lists. SERVFAIL, REFUSED and silence are not: the
// next resolver is asked, twice around, and if none answers the pool keeps its list. If only AAAA fails, or one target
// of several, its last addresses stay, and the others are followed. An address that cannot be one server's, such
// as 0.0.0.0, and a record that cannot be meant, such as one with port 0, are left out.
type Source struct {
	// What to look up: `srv` or `a`, which means AAAA as well.
	Type string `json:"type"`

	// The name to look up, such as _http._tcp.example.com or web.default.svc.cluster.local. A name without a final dot is
	// tried with the search domains of /etc/resolv.conf, in the order that `ndots` there says, if that file
	// also names the resolvers. The first name with an answer counts, and /etc/hosts does not. Placeholders such
	// as {env.SERVICE} are replaced when the config is loaded.
	Name string `json:"name"`

	// The port of the endpoints, from 1 to 65535. Required for `a`; SRV records have ports of their own.
	Port int `json:"port,omitempty"`

	// The resolvers to ask, the first one first, such as 10.0.0.53 or 127.0.0.1:8600. Placeholders are replaced when the config is
	// loaded. Default: the resolvers of /etc/resolv.conf, which is read at each look-up.
	Resolvers []string `json:"resolvers,omitempty"`

	// Which addresses to take: `ipv4`, `ipv6` or `both`. With `both`, a server that has an address of each kind
	// is two endpoints. Default: both.
	IP string `json:"ip,omitempty"`

	// Whether the names of SRV targets become the addresses of endpoints, instead of what they resolve to. A target then
	// is one endpoint, whose name is used for SNI and certificates; the system's resolver looks
	// it up whenever a connection is made. Choose it when each target has a certificate of its own.
	KeepNames bool `json:"keep_names,omitempty"`

	// The shortest time between two look-ups, whatever the TTL. Default: 1s.
	MinRefresh caddy.Duration `json:"min_refresh,omitempty"`

	// The longest time between two look-ups, whatever the TTL. Up to a tenth is added to the time, so that
	// several proxies do not ask all at once. Default: 1m.
	MaxRefresh caddy.Duration `json:"max_refresh,omitempty"`

	// How long a resolver may take to answer one query. Default: 2s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	resolvers []string
	last      dnsMemory // of Run
}

const (
	defaultMinRefresh = time.Second
	defaultMaxRefresh = time.Minute

	// defaultDNSTimeout is less than resolv.conf's 5s: nobody waits for the answer, but a second resolver
	// that works should be asked soon.
	defaultDNSTimeout = 2 * time.Second
)

// CaddyModule returns the Caddy module information.
func (*Source) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.sources.dns",
		New: func() caddy.Module { return new(Source) },
	}
}

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	source dns srv|a <name> [<port>] {
//	    resolvers   <addresses...>
//	    ip          ipv4|ipv6|both
//	    keep_names
//	    min_refresh <duration>
//	    max_refresh <duration>
//	    timeout     <duration>
//	}
func (s *Source) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d,
		oneOfTwo("type", "srv", "a", &s.Type),
		caddyfile.String("name", &s.Name),
		caddyfile.Optional(caddyfile.Int("port", &s.Port, 1, math.MaxUint16)),
		caddyfile.Block(
			caddyfile.Strings("resolvers", &s.Resolvers),
			caddyfile.Func("ip", "ipv4, ipv6 or both", func(text string) bool {
				s.IP = text
				return families[text] != nil
			}),
			caddyfile.Flag("keep_names", &s.KeepNames),
			caddyfile.Duration("min_refresh", &s.MinRefresh),
			caddyfile.Duration("max_refresh", &s.MaxRefresh),
			caddyfile.Duration("timeout", &s.Timeout),
		),
	)
}

func oneOfTwo(name, first, second string, into *string) caddyfile.Param {
	return caddyfile.Func(name, first+" or "+second, func(text string) bool {
		*into = text
		return text == first || text == second
	})
}

// Provision implements caddy.Provisioner. It asks nobody.
func (s *Source) Provision(caddy.Context) error {
	s.resolvers = append([]string(nil), s.Resolvers...)
	for i := range s.resolvers {
		if err := discovery.Resolve("resolvers", &s.resolvers[i]); err != nil {
			return err
		}
	}
	if err := discovery.Resolve("name", &s.Name); err != nil {
		return err
	}
	return s.check()
}

// Run implements Source.
func (s *Source) Run(ctx context.Context, report discovery.Report) error {
	for {
		answer, ttl, err := s.lookUp(ctx)
		if err != nil {
			return fmt.Errorf("looking up %s: %w", s.Name, err)
		}
		report(answer)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(s.refresh(ttl)):
		}
	}
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Source)(nil)
	_ caddyfile.Unmarshaler = (*Source)(nil)
	_ discovery.Source      = (*Source)(nil)
)
