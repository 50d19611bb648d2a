package docker

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/clienttls"
)

// Labels are label filters. In JSON one filter may be written as text instead of a list, because
// one is the usual case.
type Labels []string

// UnmarshalJSON implements json.Unmarshaler.
func (l *Labels) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*l = Labels{one}
		return nil
	}
	var several []string
	if err := json.Unmarshal(data, &several); err != nil {
		return errors.New("expected text or a list of texts")
	}
	*l = several
	return nil
}

// MarshalJSON implements json.Marshaler.
func (l Labels) MarshalJSON() ([]byte, error) {
	if len(l) == 1 {
		return json.Marshal(l[0])
	}
	return json.Marshal([]string(l))
}

// Provision implements caddy.Provisioner. It opens no connection.
func (s *Source) Provision(ctx caddy.Context) error {
	if s.Host == "" {
		s.Host = defaultHost
	}
	if err := s.resolve(); err != nil {
		return err
	}
	if err := s.check(); err != nil {
		return err
	}
	if s.TLS != nil && !strings.HasPrefix(s.Host, "tcp://") {
		return errors.New("tls: the host has none; expected one that begins with tcp://")
	}
	var err error
	s.tls, err = clienttls.Config(ctx, s.TLS)
	return err
}

// resolve replaces the placeholders. Labels are copied, because the list belongs to the config.
func (s *Source) resolve() error {
	s.Labels = slices.Clone(s.Labels)
	for i := range s.Labels {
		if err := discovery.Resolve("label", &s.Labels[i]); err != nil {
			return err
		}
	}
	if err := discovery.Resolve("host", &s.Host); err != nil {
		return err
	}
	return discovery.Resolve("network", &s.Network)
}

// check refuses impossible settings, and fills in the timeout and the host of published ports.
func (s *Source) check() (err error) {
	switch {
	case s.Port < 0 || s.Port > maxPort:
		return fmt.Errorf("port: %d is not between 1 and %d", s.Port, maxPort)
	case s.Published && s.Network != "":
		return errors.New("network: has no meaning with published, which uses ports of the engine's machine")
	}
	if err := s.checkLabels(); err != nil {
		return err
	}
	if err := discovery.DefaultDuration("timeout", &s.Timeout, defaultTimeout); err != nil {
		return err
	}
	s.machine, err = machine(s.Host)
	return err
}

// checkLabels requires at least one label, because without a filter all containers would serve.
func (s *Source) checkLabels() error {
	if len(s.Labels) == 0 {
		return errors.New("label: is missing; expected name or name=value, such as com.docker.compose.service=web")
	}
	for i, label := range s.Labels {
		if label == "" || strings.HasPrefix(label, "=") {
			return fmt.Errorf("label: %q has no name; "+
				"expected name or name=value, such as com.docker.compose.service=web", label)
		}
		if slices.Contains(s.Labels[:i], label) {
			return fmt.Errorf("label: %q is given twice", label)
		}
	}
	return nil
}
