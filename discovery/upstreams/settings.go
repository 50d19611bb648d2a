package upstreams

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// Provision implements caddy.Provisioner. It loads the module but does not ask it.
func (s *Source) Provision(ctx caddy.Context) error {
	if err := s.check(); err != nil {
		return err
	}
	definition, err := json.Marshal(s) // before the module is loaded, because loading clears its JSON
	if err != nil {
		return fmt.Errorf("from: %w", err)
	}
	module, err := ctx.LoadModule(s, "FromRaw")
	if err != nil {
		return fmt.Errorf("from: %w", err)
	}
	upstreams, ok := module.(reverseproxy.UpstreamSource)
	if !ok {
		return fmt.Errorf("from: %T is not an upstream source", module)
	}
	s.definition, s.upstreams, s.config = string(definition), upstreams, ctx
	provisioned.add(s)
	return nil
}

func (s *Source) check() error {
	if s.FromRaw == nil {
		return errors.New("from: is missing; expected an upstream source such as srv")
	}
	return cmp.Or(
		discovery.DefaultInterval("interval", &s.Interval, defaultInterval),
		discovery.DefaultDuration("timeout", &s.Timeout, defaultTimeout),
	)
}

// Cleanup implements caddy.CleanerUpper.
func (s *Source) Cleanup() error {
	provisioned.remove(s)
	return nil
}
