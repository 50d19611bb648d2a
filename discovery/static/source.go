package static

import (
	"context"
	"fmt"
	"math"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

func init() { caddy.RegisterModule(new(Source)) }

// StaticSource names endpoints in the config itself. Unlike the upstreams of a reverse proxy, they can
// have weights, ids, zones and limits of their own.
type Source struct {
	// The endpoints.
	Endpoints []listing.Info `json:"endpoints"`
}

// CaddyModule returns the Caddy module information.
func (*Source) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.sources.static",
		New: func() caddy.Module { return new(Source) },
	}
}

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	source static <addresses...> {
//	    endpoint <address> {
//	        weight       <0-65535>
//	        id           <id>
//	        zone         <zone>
//	        priority     <number>
//	        max_requests <number>
//	        draining
//	        metadata     <key> <value>
//	    }
//	}
func (s *Source) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d,
		caddyfile.Optional(caddyfile.Rest(address(func(text string) {
			s.Endpoints = append(s.Endpoints, listing.Info{Address: text, Weight: 1})
		}))),
		caddyfile.Block(caddyfile.Repeated("endpoint", &s.Endpoints, endpointOptions)),
	)
}

func endpointOptions(e *listing.Info) []caddyfile.Param {
	e.Weight = 1
	return []caddyfile.Param{
		address(func(text string) { e.Address = text }),
		caddyfile.Block(
			caddyfile.Int("weight", &e.Weight, 0, listing.MaxWeight),
			caddyfile.String("id", &e.ID),
			caddyfile.String("zone", &e.Zone),
			caddyfile.Int("priority", &e.Priority, 0, math.MaxInt32),
			caddyfile.Int("max_requests", &e.MaxRequests, 0, math.MaxInt32),
			caddyfile.Flag("draining", &e.Draining),
			caddyfile.Pairs("metadata", &e.Metadata),
		),
	}
}

// address is checked here already, where an error can name the line.
func address(set func(text string)) caddyfile.Param {
	return caddyfile.Func("address", "a host and port such as 10.0.0.7:8080, or a unix socket", func(text string) bool {
		set(text)
		return (&listing.Info{Address: text}).Normalize() == nil
	})
}

// Provision implements caddy.Provisioner.
func (s *Source) Provision(caddy.Context) error {
	if len(s.Endpoints) == 0 {
		return fmt.Errorf("endpoints: none given; expected at least one address")
	}
	seen := make(map[string]int, len(s.Endpoints))
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		if err := e.Normalize(); err != nil {
			return fmt.Errorf("endpoint %d: %v", i+1, err)
		}
		if first, ok := seen[e.Address]; ok {
			return fmt.Errorf("endpoint %d: address: %s is already endpoint %d", i+1, e.Address, first)
		}
		seen[e.Address] = i + 1
	}
	return nil
}

// Run implements Source.
func (s *Source) Run(_ context.Context, report discovery.Report) error {
	report(discovery.Answer{Endpoints: s.Endpoints, Authoritative: true})
	return nil
}

// Local implements Local: the config has the list.
func (*Source) Local() {}

// Interface guards
var (
	_ caddy.Provisioner     = (*Source)(nil)
	_ caddyfile.Unmarshaler = (*Source)(nil)
	_ discovery.Local       = (*Source)(nil)
)
