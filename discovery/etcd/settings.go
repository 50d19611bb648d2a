package etcd

import (
	"errors"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/clienttls"
	"github.com/caddy-balance/caddy-balance/internal/format"
)

// Provision implements caddy.Provisioner. It opens no connection, so that a config loads while etcd
// is down.
func (s *Source) Provision(ctx caddy.Context) error {
	s.interval = checkInterval
	if err := discovery.DefaultDuration("timeout", &s.Timeout, defaultTimeout); err != nil {
		return err
	}
	if err := s.resolve(); err != nil {
		return err
	}
	var err error
	if s.tls, err = clienttls.Config(ctx, s.TLS); err != nil {
		return err
	}
	return s.setEndpoints()
}

// resolve replaces the placeholders and checks the settings that have them.
func (s *Source) resolve() error {
	for _, field := range []struct {
		name  string
		value *string
	}{{"prefix", &s.Prefix}, {"scheme", &s.Scheme}, {"username", &s.Username}, {"password", &s.Password}} {
		if err := discovery.Resolve(field.name, field.value); err != nil {
			return err
		}
	}
	switch {
	case s.Prefix == "":
		return errors.New("prefix: is empty; expected the beginning of the keys, such as services/web/")
	case s.Username != "" && s.Password == "":
		return errors.New("password: is missing; username is set")
	case s.Username == "" && s.Password != "":
		return errors.New("username: is missing; password is set")
	}
	s.prefix = folderPrefix(s.Prefix)
	return format.Check(s.Format)
}
