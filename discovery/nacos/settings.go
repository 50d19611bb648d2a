package nacos

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/nacos-group/nacos-sdk-go/v2/common/constant"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/clienttls"
)

// server is the addresses of one server.
type server struct{ http, grpc string }

const (
	defaultPort    = 8848
	defaultContext = "/nacos"
)

// Provision implements caddy.Provisioner. It sends nothing to Nacos, so that a config loads while
// Nacos is down.
func (s *Source) Provision(ctx caddy.Context) error {
	if err := s.resolve(); err != nil {
		return err
	}
	if s.Service == "" {
		return errors.New("service: is missing; expected the name of a service")
	}
	if (s.Username == "") != (s.Password == "") {
		return errors.New("username, password: only one is given; expected both or none")
	}
	s.Namespace = cmp.Or(s.Namespace, constant.DEFAULT_NAMESPACE_ID)
	s.Group = cmp.Or(s.Group, constant.DEFAULT_GROUP)
	s.ContextPath = "/" + strings.Trim(cmp.Or(s.ContextPath, defaultContext), "/")
	if len(s.Servers) == 0 {
		s.Servers = []string{"127.0.0.1"}
	}
	for _, address := range s.Servers {
		at, err := serverAt(address)
		if err != nil {
			return fmt.Errorf("servers: %w", err)
		}
		s.servers = append(s.servers, at)
	}
	var err error
	s.tls, err = clienttls.Config(ctx, s.TLS)
	return err
}

// resolve replaces the placeholders.
func (s *Source) resolve() error {
	for field, value := range map[string]*string{
		"service": &s.Service, "namespace": &s.Namespace, "group": &s.Group,
		"username": &s.Username, "password": &s.Password, "context_path": &s.ContextPath,
	} {
		if err := discovery.Resolve(field, value); err != nil {
			return err
		}
	}
	for i := range s.Servers {
		if err := discovery.Resolve("servers", &s.Servers[i]); err != nil {
			return err
		}
	}
	for i := range s.Clusters {
		if err := discovery.Resolve("clusters", &s.Clusters[i]); err != nil {
			return err
		}
	}
	return nil
}

// serverAt returns the addresses of a server by its host and the optional port of the HTTP API.
func serverAt(address string) (server, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		host, portText = strings.Trim(address, "[]"), strconv.Itoa(defaultPort)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || port == 0 || port+constant.RpcPortOffset > 65535 ||
		host == "" || strings.ContainsAny(host, "/ @") {
		return server{}, errors.New("one is not a host and port such as 10.0.0.7:8848") // it may hold a password
	}
	at := func(port uint64) string { return net.JoinHostPort(host, strconv.FormatUint(port, 10)) }
	return server{http: at(port), grpc: at(port + constant.RpcPortOffset)}, nil
}
