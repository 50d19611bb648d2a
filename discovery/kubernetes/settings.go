package kubernetes

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/clienttls"
)

// defaultWeightAnnotation has a prefix that is not a domain name, because the project owns none.
const defaultWeightAnnotation = "caddy-balance/weight"

// Provision implements caddy.Provisioner. It reads neither a kubeconfig nor the files of a service
// account, because a config may be validated on a machine that has none.
func (s *Source) Provision(ctx caddy.Context) error {
	if err := s.resolve(); err != nil {
		return err
	}
	if s.WeightAnnotation == "" {
		s.WeightAnnotation = defaultWeightAnnotation
	}
	if err := s.check(); err != nil {
		return err
	}
	var err error
	s.access, err = s.serverAccess(ctx)
	return err
}

// resolve replaces the placeholders in all texts.
func (s *Source) resolve() error {
	for _, f := range []struct {
		name  string
		value *string
	}{
		{"service", &s.Service}, {"port", &s.Port}, {"namespace", &s.Namespace},
		{"weight_annotation", &s.WeightAnnotation},
		{"kubeconfig", &s.Kubeconfig}, {"context", &s.Context},
		{"api_server", &s.APIServer}, {"token", &s.Token}, {"token_file", &s.TokenFile},
	} {
		if err := discovery.Resolve(f.name, f.value); err != nil {
			return err
		}
	}
	return nil
}

// check refuses settings that are missing or contradict each other.
func (s *Source) check() error {
	switch {
	case s.Service == "":
		return errors.New("service: is missing; expected the name of a Service")
	case s.Family != "" && families[s.Family] == "":
		return fmt.Errorf("family: %q is not ipv4 or ipv6", s.Family)
	case s.Kubeconfig != "" && s.APIServer != "":
		return errors.New("kubeconfig and api_server are both given; expected one of them")
	case s.Context != "" && s.Kubeconfig == "":
		return errors.New("context: is given without kubeconfig")
	case s.APIServer == "" && (s.Token != "" || s.TokenFile != "" || s.TLS != nil):
		return errors.New("token, token_file and tls need api_server; a kubeconfig has its own")
	case s.Token != "" && s.TokenFile != "":
		return errors.New("token and token_file are both given; expected one of them")
	}
	return s.checkNames()
}

// checkNames refuses names that Kubernetes would refuse. It does not check the port, whose meaning
// depends on the Service.
func (s *Source) checkNames() error {
	for _, f := range []struct {
		name, value string
		wrong       func(string) []string
	}{
		{"service", s.Service, validation.IsDNS1123Label},
		{"namespace", s.Namespace, validation.IsDNS1123Label},
		{"weight_annotation", s.WeightAnnotation, validation.IsQualifiedName},
	} {
		if wrong := f.wrong(f.value); f.value != "" && len(wrong) > 0 {
			return fmt.Errorf("%s: %q cannot be one: %s", f.name, f.value, strings.Join(wrong, "; "))
		}
	}
	return nil
}

// serverAccess returns the way to the API server that the settings name.
func (s *Source) serverAccess(ctx caddy.Context) (access, error) {
	switch {
	case s.Kubeconfig != "":
		return byKubeconfig(s.Kubeconfig, s.Context), nil
	case s.APIServer == "":
		return inCluster, nil
	}
	server, err := url.Parse(s.APIServer)
	if err != nil || server.Host == "" || server.User != nil || server.Scheme != "https" && server.Scheme != "http" {
		return nil, errors.New("api_server: is not a URL such as https://10.0.0.1:6443, without a user")
	}
	if s.TLS == nil {
		return byURL(s.APIServer, s.Token, s.TokenFile, nil), nil
	}
	if server.Scheme == "http" {
		return nil, errors.New("tls: is given, but api_server has http; expected https")
	}
	config, err := clienttls.Config(ctx, s.TLS)
	if err != nil {
		return nil, err
	}
	return byURL(s.APIServer, s.Token, s.TokenFile, config), nil
}
