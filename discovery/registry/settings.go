package registry

import (
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/internal/options"
)

// Provision implements caddy.Provisioner. It opens the leases of the pool, so that services can
// register before the source runs.
func (s *Source) Provision(ctx caddy.Context) error {
	for _, m := range ctx.Modules() {
		if pool, ok := m.(interface{ PoolName() string }); ok {
			s.pool = pool.PoolName() // the last one is the innermost
		}
	}
	if s.pool == "" {
		return errors.New("is not in a pool")
	}
	if err := s.check(); err != nil {
		return err
	}
	s.leases = allLeases.open(s.pool)
	return nil
}

// Cleanup implements caddy.CleanerUpper.
func (s *Source) Cleanup() error {
	if s.leases != nil {
		allLeases.close(s.leases)
	}
	return nil
}

// check sets the defaults and returns an error for a setting that makes no sense.
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
	switch maximum, usual := time.Duration(s.MaxTTL), time.Duration(s.DefaultTTL); {
	case maximum < minTTL:
		return options.AtLeast("max_ttl", s.MaxTTL, minTTL)
	case usual < minTTL:
		return options.AtLeast("default_ttl", s.DefaultTTL, minTTL)
	case usual > maximum:
		return fmt.Errorf("default_ttl: %s is more than max_ttl, which is %s", usual, maximum)
	case s.MaxEndpoints < 0:
		return fmt.Errorf("max_endpoints: %d is less than 1", s.MaxEndpoints)
	}
	return nil
}

// grantTTL returns the ttl of a lease for which a service asked for ttl; 0 means that it did not
// ask.
func (s *Source) grantTTL(ttl time.Duration) (time.Duration, error) {
	switch {
	case ttl == 0:
		return time.Duration(s.DefaultTTL), nil
	case ttl < minTTL || ttl > time.Duration(s.MaxTTL):
		return 0, fmt.Errorf("ttl: %s is not between %s and %s", ttl, minTTL, time.Duration(s.MaxTTL))
	}
	return ttl, nil
}
