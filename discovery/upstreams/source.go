// Package upstreams is the source of pools that asks an upstream source module of Caddy.
//
// source.go has the settings and settings.go their checks. follow.go asks the module, instance.go
// makes endpoints of its upstreams, and table.go finds the module of the config in force.
package upstreams

import (
	"context"
	"encoding/json"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"golang.org/x/sync/singleflight"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(Source)) }

// Source asks an upstream source module of Caddy in the background, such as `srv`, `a`, `multi` or
// one of a plugin. Choose it for a registry that only a plugin knows. The module's upstreams become
// endpoints of a pool, with probes, ejection and a list that survives errors, and requests no
// longer wait for its look-ups.
//
// A module cannot tell of changes, so it is asked in intervals. Many modules also cache: `srv` and
// `a` do so for a minute unless their `refresh` is less. An error or a panic of the module leaves
// the list as it was. A look-up that takes longer than `timeout` is an error too. A module whose
// call does not return is not called again until it does, or until the config is reloaded.
//
// An upstream has an address and may have a limit of requests, but no weight, zone or other field
// of an endpoint. Each address must mean one socket. An address with placeholders is dropped, with
// an error that says so.
//
// The module is not asked for the sake of a request, so a module that decides by the request cannot
// be used. It gets a GET of http://localhost/ with no client and no request placeholders. Global
// placeholders such as {env.NAME} work.
type Source struct {
	// The module to ask. Required.
	FromRaw json.RawMessage `json:"from,omitempty" caddy:"namespace=http.reverse_proxy.upstreams inline_key=source"`

	// The time between two look-ups, at least 100ms. Default: 10s.
	Interval caddy.Duration `json:"interval,omitempty"`

	// The maximum time of a look-up. A look-up that takes longer is an error. Default: 10s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	definition string // the JSON of the source, the same in each config that does not change it
	upstreams  reverseproxy.UpstreamSource
	config     context.Context    // ends with the config that upstreams belongs to
	calls      singleflight.Group // allows one call of the module at a time
}

const (
	defaultInterval = 10 * time.Second
	defaultTimeout  = 10 * time.Second
)

// CaddyModule returns the Caddy module information.
func (*Source) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.sources.upstreams",
		New: func() caddy.Module { return new(Source) },
	}
}

// UnmarshalJSON refuses zeros that would become defaults.
func (s *Source) UnmarshalJSON(data []byte) error {
	type fields Source
	return options.Decode(data, (*fields)(s), "interval", "timeout")
}

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	source upstreams {
//	    from     <module> ...
//	    interval <duration>
//	    timeout  <duration>
//	}
func (s *Source) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d, caddyfile.Block(
		caddyfile.Module("from", "http.reverse_proxy.upstreams", "source", &s.FromRaw),
		caddyfile.DurationFrom("interval", &s.Interval, discovery.MinInterval),
		caddyfile.DurationFrom("timeout", &s.Timeout, discovery.MinDuration),
	))
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Source)(nil)
	_ caddy.CleanerUpper    = (*Source)(nil)
	_ caddyfile.Unmarshaler = (*Source)(nil)
	_ discovery.Source      = (*Source)(nil)
)
