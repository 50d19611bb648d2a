package registry

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
)

func init() { caddy.RegisterModule(new(Source)) }

// RegistrySource has the endpoints that registered themselves through Caddy's admin API. Choose it when you
// have no registry and do not want to run one.
//
// A service puts itself into the pool `web` under an id of its choice, and repeats that as its heartbeat,
// best three times in its ttl:
//
//	PUT /pools/web/endpoints/web-7
//	{"address": "10.0.0.7:8080", "weight": 3, "ttl": "30s"}
//
// The body is an endpoint with any of the fields that a file may have, and a `ttl`. The first such
// request is answered with 201, the following ones with 200; each replaces what was said before, so a service
// that wants to leave gently first repeats it with `"draining": true`. `DELETE` of the same path
// takes the endpoint away (204), and so does its ttl without a heartbeat. `GET` shows it, and
// `GET /pools/web/endpoints` shows all.
//
// An address has one id. A service that comes back with a new id at the same address replaces
// the old one, which needs no time to expire.
//
// What is registered is kept in Caddy's storage and survives a restart, after which every endpoint has
// its whole ttl again to send a heartbeat. Heartbeats that change nothing are not written.
//
// Who may register is who may use the [admin API](https://caddyserver.com/docs/json/admin/), which Caddy only opens to its own
// machine. For others there is its `remote` endpoint, where a client certificate can be limited to these paths.
type Source struct {
	// The ttl of endpoints that register without one. Default: 30s, or max_ttl if that is less.
	DefaultTTL caddy.Duration `json:"default_ttl,omitempty"`

	// The longest ttl that may be asked for. The shortest is 1s. Default: 1h.
	MaxTTL caddy.Duration `json:"max_ttl,omitempty"`

	// The most endpoints in the pool. One more is answered with 507 until another leaves. Default: 10000.
	MaxEndpoints int `json:"max_endpoints,omitempty"`

	pool   string
	leases *Leases
}

const (
	leastTTL            = time.Second
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

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	source registry {
//	    default_ttl   <duration>
//	    max_ttl       <duration>
//	    max_endpoints <number>
//	}
func (s *Source) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d, caddyfile.Block(
		caddyfile.Duration("default_ttl", &s.DefaultTTL),
		caddyfile.Duration("max_ttl", &s.MaxTTL),
		caddyfile.Int("max_endpoints", &s.MaxEndpoints, 1, math.MaxInt32),
	))
}

// Provision implements caddy.Provisioner.
func (s *Source) Provision(ctx caddy.Context) error {
	for _, m := range ctx.Modules() {
		if pool, ok := m.(interface{ PoolName() string }); ok {
			s.pool = pool.PoolName() // the innermost wins
		}
	}
	if s.pool == "" {
		return errors.New("is not in a pool")
	}
	if err := s.check(); err != nil {
		return err
	}
	s.leases = registries.open(s.pool)
	return nil
}

// Cleanup implements caddy.CleanerUpper.
func (s *Source) Cleanup() error {
	if s.leases != nil {
		registries.close(s.leases)
	}
	return nil
}

func (s *Source) check() error {
	if s.MaxTTL == 0 {
		s.MaxTTL = caddy.Duration(defaultMaxTTL)
	}
	if s.DefaultTTL == 0 {
		s.DefaultTTL = min(caddy.Duration(defaultTTL), s.MaxTTL)
	}
	if s.MaxEndpoints == 0 {
		s.MaxEndpoints = defaultMaxEndpoints
	}
	switch most, usual := time.Duration(s.MaxTTL), time.Duration(s.DefaultTTL); {
	case most < leastTTL:
		return fmt.Errorf("max_ttl: %s is less than %s", most, leastTTL)
	case usual < leastTTL || usual > most:
		return fmt.Errorf("default_ttl: %s is not between %s and max_ttl, which is %s", usual, leastTTL, most)
	case s.MaxEndpoints < 0:
		return fmt.Errorf("max_endpoints: %d is negative", s.MaxEndpoints)
	}
	return nil
}

// grant is the ttl that an endpoint gets which asks for this one.
func (s *Source) grant(ttl time.Duration) (time.Duration, error) {
	switch {
	case ttl == 0:
		return time.Duration(s.DefaultTTL), nil
	case ttl < leastTTL || ttl > time.Duration(s.MaxTTL):
		return 0, fmt.Errorf("ttl: %s is not between %s and %s", ttl, leastTTL, time.Duration(s.MaxTTL))
	}
	return ttl, nil
}

// Run implements Source. It never gives up: whoever registers must find somebody who listens.
func (s *Source) Run(ctx context.Context, report discovery.Report) error {
	s.leases.begin(s)
	defer s.leases.end(s)
	s.leases.restore(ctx, report)
	failures := make(chan error, 1)
	saved := make(chan struct{})
	go func() {
		defer close(saved)
		s.leases.keepSaved(ctx, failures)
	}()
	s.leases.follow(ctx, report, failures)
	<-saved
	return nil
}

// Local says that the source stores its list itself.
func (*Source) Local() {}

// Interface guards
var (
	_ caddy.Provisioner     = (*Source)(nil)
	_ caddy.CleanerUpper    = (*Source)(nil)
	_ caddyfile.Unmarshaler = (*Source)(nil)
	_ discovery.Local       = (*Source)(nil)
)
