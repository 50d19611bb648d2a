// Package outside extends pools of the balance modules from another Go module.
package outside

import (
	"context"
	"errors"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
)

func init() { caddy.RegisterModule(new(Source)) }

// Source polls an inventory, which is part of the config here to keep the example small.
type Source struct {
	// The addresses. Required. Placeholders are replaced when the config is loaded.
	Addresses []string `json:"addresses"`

	// The time between two look-ups. Default: 30s.
	Interval caddy.Duration `json:"interval,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*Source) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.sources.outside",
		New: func() caddy.Module { return new(Source) },
	}
}

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	source outside <addresses...> {
//	    interval <duration>
//	}
func (s *Source) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d,
		caddyfile.Strings("addresses", &s.Addresses),
		caddyfile.Block(caddyfile.Duration("interval", &s.Interval)),
	)
}

// Provision implements caddy.Provisioner.
func (s *Source) Provision(caddy.Context) error {
	if len(s.Addresses) == 0 {
		return errors.New("addresses: none given; expected at least one")
	}
	if s.Interval == 0 {
		s.Interval = caddy.Duration(30 * time.Second)
	}
	for i := range s.Addresses {
		if err := discovery.Resolve("addresses", &s.Addresses[i]); err != nil {
			return err
		}
	}
	return nil
}

// Run implements discovery.Source.
func (s *Source) Run(ctx context.Context, report discovery.Report) error {
	return discovery.Poll(ctx, time.Duration(s.Interval), report, s.lookup)
}

// lookup drops the one entry that has no port, and lists the others.
func (s *Source) lookup(context.Context) (discovery.Answer, error) {
	var answer discovery.AnswerBuilder
	for _, address := range s.Addresses {
		answer.Add(address, discovery.Endpoint{Address: address, Weight: 1, Zone: "a"})
	}
	return answer.Answer(), nil
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Source)(nil)
	_ caddyfile.Unmarshaler = (*Source)(nil)
	_ discovery.Source      = (*Source)(nil)
)
