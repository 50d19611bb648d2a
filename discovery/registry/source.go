// Package registry is the source of pools whose endpoints register themselves through Caddy's admin
// API.
//
// source.go has the settings and settings.go their checks. registration.go is what a service sends,
// leases.go what is registered, store.go keeps it in Caddy's storage, follow.go reports it to the
// pool, and table.go finds it for the admin API.
package registry

import (
	"math"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(Source)) }

// Source has the endpoints that register themselves through Caddy's admin API. Choose it when you
// have no registry and do not want to run one.
//
// A service registers in the pool `web` under an ID of its choice, and repeats the request as its
// heartbeat, preferably three times in each ttl:
//
//	PUT /pools/web/endpoints/web-7
//	{"address": "10.0.0.7:8080", "weight": 3, "ttl": "30s"}
//
// The body is an endpoint with any of the fields of the source `file`, and a `ttl`. The first such
// request is answered with 201, later ones with 200. Each replaces the registration before it: to
// leave gently, a service first registers again with `"draining": true`. `DELETE` of the same path
// removes the endpoint (204), as does a ttl without a heartbeat. `GET` shows it, and `GET
// /pools/web/endpoints` shows all.
//
// An address that the pool's `allow` and `deny` refuse, or that is Caddy's own, is answered with
// 400 and the reason.
//
// An address has one ID. A service that registers a new ID at the same address replaces the old one
// at once.
//
// Registrations are kept in Caddy's storage and survive a restart. After it every endpoint has its
// whole ttl to send a heartbeat. Heartbeats that change nothing are not written. What is kept
// belongs to this instance of Caddy, unless the pool's `persist` gives a name under which instances
// share it.
//
// Access to the [admin API](https://caddyserver.com/docs/json/admin/) is the permission to
// register. By default Caddy opens that API only to its own machine. For other machines there is
// its `remote` endpoint, which can limit a client certificate to these paths.
type Source struct {
	// The ttl of endpoints that register without one. Default: 30s, or max_ttl if that is less.
	DefaultTTL caddy.Duration `json:"default_ttl,omitempty"`

	// The maximum ttl of an endpoint. A registration that asks for more, or for less than 1s, is
	// refused. Default: 1h.
	MaxTTL caddy.Duration `json:"max_ttl,omitempty"`

	// The maximum number of endpoints in the pool. A registration beyond it is refused with 507
	// until another endpoint leaves. Default: 10000.
	MaxEndpoints int `json:"max_endpoints,omitempty"`

	pool   string
	leases *Leases

	checkAddress func(address string) error // set when the source runs
}

const (
	minTTL              = time.Second
	defaultTTL          = 30 * time.Second
	defaultMaxTTL       = time.Hour
	defaultMaxEndpoints = 10_000
)

// CaddyModule returns the Caddy module information.
func (*Source) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.sources.registry",
		New: func() caddy.Module { return new(Source) },
	}
}

// UnmarshalJSON refuses zeros that would become defaults.
func (s *Source) UnmarshalJSON(data []byte) error {
	type fields Source
	return options.Decode(data, (*fields)(s), "default_ttl", "max_ttl", "max_endpoints")
}

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	source registry {
//	    default_ttl   <duration>
//	    max_ttl       <duration>
//	    max_endpoints <number>
//	}
func (s *Source) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d, caddyfile.Block(
		caddyfile.DurationFrom("default_ttl", &s.DefaultTTL, minTTL),
		caddyfile.DurationFrom("max_ttl", &s.MaxTTL, minTTL),
		caddyfile.Int("max_endpoints", &s.MaxEndpoints, 1, math.MaxInt32),
	))
}

// Local implements discovery.Local: the source stores its list itself.
func (*Source) Local() {}

// SelfLimiting implements discovery.SelfLimiting: the source has a limit of its own.
func (*Source) SelfLimiting() {}

// Interface guards
var (
	_ caddy.Provisioner      = (*Source)(nil)
	_ caddy.CleanerUpper     = (*Source)(nil)
	_ caddyfile.Unmarshaler  = (*Source)(nil)
	_ discovery.Local        = (*Source)(nil)
	_ discovery.SelfLimiting = (*Source)(nil)
)
