package upstreams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"golang.org/x/sync/singleflight"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
)

func init() { caddy.RegisterModule(new(Source)) }

// UpstreamsSource asks any upstream source module of Caddy, such as `srv`, `a`, `multi` or one of a plugin, in the
// background. Choose it for a registry that a plugin knows and this one does not: its
// upstreams become endpoints of a pool, with probes, ejection and a list that survives errors, and its look-ups
// no longer hold up requests.
//
// A module has no way to tell of changes, so it is asked in intervals. Many cache on their own; `srv` and `a` do
// so for a minute unless their `refresh` is less. An error or a panic of the module leaves the list as it was.
// A look-up that takes longer than `timeout` is an error too; a module that does not come back is not asked
// again until it does, or until the config is reloaded.
//
// An upstream has an address and perhaps a limit of requests; weights, zones and the rest are not
// there. Addresses must mean one socket each. Those with placeholders are left out, with an error that says so.
//
// The module is not asked for a request, so one that decides by the request cannot be used: it sees
// a GET of http://localhost/ with no client and no request placeholders. Global ones such as {env.NAME} work.
type Source struct {
	// The module to ask. Required.
	FromRaw json.RawMessage `json:"from,omitempty" caddy:"namespace=http.reverse_proxy.upstreams inline_key=source"`

	// The time from one look-up to the next. Default: 10s.
	Interval caddy.Duration `json:"interval,omitempty"`

	// How long a look-up may take. Default: 10s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	definition string // what is hosted, and how
	upstreams  reverseproxy.UpstreamSource
	config     context.Context // ends with the config that upstreams belongs to
	calls      singleflight.Group
}

const (
	defaultHostedInterval = 10 * time.Second
	defaultHostedTimeout  = 10 * time.Second
)

// CaddyModule returns the Caddy module information.
func (*Source) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.sources.upstreams",
		New: func() caddy.Module { return new(Source) },
	}
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
		caddyfile.Duration("interval", &s.Interval),
		caddyfile.Duration("timeout", &s.Timeout),
	))
}

// Provision implements caddy.Provisioner.
func (s *Source) Provision(ctx caddy.Context) error {
	if err := s.check(); err != nil {
		return err
	}
	definition, err := json.Marshal(s) // before the module is loaded, which clears it
	if err != nil {
		return fmt.Errorf("from: %v", err)
	}
	module, err := ctx.LoadModule(s, "FromRaw")
	if err != nil {
		return fmt.Errorf("from: %v", err)
	}
	upstreams, ok := module.(reverseproxy.UpstreamSource)
	if !ok {
		return fmt.Errorf("from: %T is not an upstream source", module)
	}
	s.definition, s.upstreams, s.config = string(definition), upstreams, ctx
	hosted.add(s)
	return nil
}

func (s *Source) check() error {
	switch {
	case s.FromRaw == nil:
		return errors.New("from: is missing; expected an upstream source such as srv")
	case s.Interval < 0:
		return fmt.Errorf("interval: %s is negative", time.Duration(s.Interval))
	case s.Timeout < 0:
		return fmt.Errorf("timeout: %s is negative", time.Duration(s.Timeout))
	}
	if s.Interval == 0 {
		s.Interval = caddy.Duration(defaultHostedInterval)
	}
	if s.Timeout == 0 {
		s.Timeout = caddy.Duration(defaultHostedTimeout)
	}
	return nil
}

// Cleanup implements caddy.CleanerUpper.
func (s *Source) Cleanup() error {
	hosted.remove(s)
	return nil
}

// Run implements Source.
func (s *Source) Run(ctx context.Context, report discovery.Report) error {
	return discovery.Poll(ctx, time.Duration(s.Interval), report, s.lookup)
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Source)(nil)
	_ caddy.CleanerUpper    = (*Source)(nil)
	_ caddyfile.Unmarshaler = (*Source)(nil)
	_ discovery.Source      = (*Source)(nil)
)
