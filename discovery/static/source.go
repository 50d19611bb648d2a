// Package static is the source of pools whose endpoints stand in the config itself. It is the
// simplest source, and a good start for a new one.
package static

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(Source)) }

// Source has its endpoints in the config itself. Unlike the upstreams of a reverse proxy, they can
// have weights, IDs, zones and limits of their own. Choose it for backends that seldom change, or
// beside other sources for a fallback. A change takes a reload, which takes effect at once and in
// full: an endpoint that is no longer listed is gone.
type Source struct {
	// The endpoints. At least one is required, and each address may be listed once. Only `address`
	// is required of an endpoint:
	//
	//	{"address": "10.0.0.7:8080", "weight": 3, "id": "web-7", "zone": "eu-1a", "priority": 0,
	//	 "max_requests": 200, "draining": false, "metadata": {"version": "v2"}}
	Endpoints []listing.Info `json:"endpoints"`
}

// CaddyModule returns the Caddy module information.
func (*Source) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.sources.static",
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

// address is an argument. It is checked here and not only in Provision, because here an error can
// name the line.
func address(set func(text string)) caddyfile.Param {
	const expected = "a host and port such as 10.0.0.7:8080, or a unix socket"
	return caddyfile.Checked("address", expected, func(text string) error {
		set(text)
		err := (&listing.Info{Address: text}).Normalize()
		return errors.Unwrap(err) // the argument has the name of the field
	})
}

// Provision implements caddy.Provisioner. Its errors give the number of the endpoint.
func (s *Source) Provision(caddy.Context) error {
	if len(s.Endpoints) == 0 {
		return errors.New("endpoints: none given; expected at least one address")
	}
	seen := make(map[string]int, len(s.Endpoints))
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		if err := e.Normalize(); err != nil {
			return fmt.Errorf("endpoint %d: %w", i+1, err)
		}
		if first, ok := seen[e.Address]; ok {
			return fmt.Errorf("endpoint %d: address: %s is already endpoint %d", i+1, e.Address, first)
		}
		seen[e.Address] = i + 1
	}
	return nil
}

// Run implements discovery.Source. It reports the list once and returns, because the list cannot
// change.
func (s *Source) Run(_ context.Context, report discovery.Report) error {
	endpoints := slices.Clone(s.Endpoints) // the pool may change its answer
	report(discovery.Answer{Endpoints: endpoints, Authoritative: true})
	return nil
}

// Local implements discovery.Local: the config keeps the list.
func (*Source) Local() {}

// Trusted implements discovery.Trusted: the list is part of the config.
func (*Source) Trusted() {}

// SelfLimiting implements discovery.SelfLimiting: the config has the endpoints.
func (*Source) SelfLimiting() {}

// Interface guards
var (
	_ caddy.Provisioner      = (*Source)(nil)
	_ caddyfile.Unmarshaler  = (*Source)(nil)
	_ discovery.Local        = (*Source)(nil)
	_ discovery.Trusted      = (*Source)(nil)
	_ discovery.SelfLimiting = (*Source)(nil)
)
