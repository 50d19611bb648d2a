package consul

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/clienttls"
	"github.com/caddy-balance/caddy-balance/internal/format"
)

// Provision implements caddy.Provisioner. It sends nothing to Consul, so that a config loads while
// Consul is down.
func (s *Source) Provision(ctx caddy.Context) error {
	if err := s.resolve(); err != nil {
		return err
	}
	s.Address = cmp.Or(s.Address, defaultAddress)
	s.ZoneMeta = cmp.Or(s.ZoneMeta, defaultZoneMeta)
	s.Wait = cmp.Or(s.Wait, caddy.Duration(defaultWait))
	if err := s.check(); err != nil {
		return err
	}
	var err error
	if s.tls, err = clienttls.Config(ctx, s.TLS); err != nil {
		return err
	}
	_, err = s.connect() // checks the address
	return err
}

// resolve replaces the placeholders.
func (s *Source) resolve() error {
	for field, value := range map[string]*string{
		"address": &s.Address, "token": &s.Token, "datacenter": &s.Datacenter, "namespace": &s.Namespace,
		"partition": &s.Partition, "filter": &s.Filter, "zone_meta": &s.ZoneMeta, "scheme": &s.Scheme,
	} {
		if err := discovery.Resolve(field, value); err != nil {
			return err
		}
	}
	for i := range s.Services {
		if err := discovery.Resolve("services", &s.Services[i]); err != nil {
			return err
		}
	}
	for i := range s.Tags {
		if err := discovery.Resolve("tags", &s.Tags[i]); err != nil {
			return err
		}
	}
	for key, value := range s.NodeMeta {
		if err := discovery.Resolve("node_meta", &value); err != nil {
			return err
		}
		s.NodeMeta[key] = value
	}
	return nil
}

// check reports the first setting that cannot work.
func (s *Source) check() error {
	if len(s.Services) == 0 {
		return errors.New("services: none given; expected the name of at least one service")
	}
	seen := make(map[string]bool, len(s.Services))
	for i, name := range s.Services {
		switch {
		case name == "":
			return fmt.Errorf("services: service %d is empty", i+1)
		case strings.Contains(name, "/"): // it would lead to another path of the API
			return fmt.Errorf("services: %q has a slash; expected the name of a service", name)
		case seen[name]:
			return fmt.Errorf("services: %q is given twice", name)
		}
		seen[name] = true
	}
	if wait := time.Duration(s.Wait); wait < time.Second || wait > longestWait {
		return fmt.Errorf("wait: %s is not between %s and %s", wait, time.Second, longestWait)
	}
	return format.Check(s.Format)
}
