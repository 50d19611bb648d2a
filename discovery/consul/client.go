package consul

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/hashicorp/consul/api"
	"github.com/hashicorp/go-cleanhttp"
)

const (
	// maxAnswer is the maximum size of an answer in bytes. It has room for ten thousand instances
	// with two checks each, whose output Consul limits to 4 KiB.
	maxAnswer = 128 << 20

	// maxRefusal is the maximum size in bytes of what is read of any other answer, such as a
	// proxy's error page.
	maxRefusal = 512

	tokenHeader = "X-Consul-Token"
)

// connection is a client of Consul with its HTTP transport. Each Run has its own. Sharing one would
// save nothing, because a query that waits occupies a whole connection in HTTP/1.1. A new one after
// an error never reuses a dead connection.
type connection struct {
	*api.Client
	transport *http.Transport
}

// connect makes a client. The first query opens its connection.
func (s *Source) connect() (*connection, error) {
	transport := cleanhttp.DefaultPooledTransport() // the client's own default
	transport.TLSClientConfig = s.tls.Clone()       // a transport writes into it
	config := &api.Config{
		Address: s.Address,
		Scheme:  "http",
		// Any token keeps the client from reading the environment. The transport replaces it.
		Token: "unused",
		HttpClient: &http.Client{
			Transport: &explicitSettings{transport, s.Token, s.Namespace, s.Partition, s.selection()},
			// Consul never redirects, and the token must not reach another host.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	if s.TLS != nil {
		config.Scheme = "https"
	}
	if err := setAddress(s.Address, config, transport); err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	client, err := api.NewClient(config)
	if err != nil {
		return nil, err
	}
	return &connection{client, transport}, nil
}

// setAddress sets the address of Consul in config. It dials a unix socket in transport, because
// Consul's client would replace the transport for one.
func setAddress(address string, config *api.Config, transport *http.Transport) error {
	if network, err := caddy.ParseNetworkAddress(address); err == nil && network.IsUnixNetwork() {
		config.Address = "localhost"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network.Network, network.Host)
		}
		return nil
	}
	text := address
	if !strings.Contains(text, "://") {
		text = config.Scheme + "://" + text
	}
	// An address may hold a password by mistake, so errors do not repeat it.
	at, err := url.Parse(text)
	if err != nil || at.Hostname() == "" || at.Scheme != "http" && at.Scheme != "https" {
		return fmt.Errorf("expected a host and port such as %s, a URL, or a unix socket", defaultAddress)
	}
	if at.User != nil || at.RawQuery != "" || at.Fragment != "" {
		return fmt.Errorf("expected a URL of a scheme, a host, a port and a path only")
	}
	return nil
}

// explicitSettings is a transport that sends only the settings of the source and limits the size of
// answers. Consul's client would take missing settings from CONSUL_HTTP_TOKEN, CONSUL_NAMESPACE and
// CONSUL_PARTITION, which are meant for Consul's command line.
type explicitSettings struct {
	*http.Transport
	token, namespace, partition string
	selection                   url.Values // the instances that a query asks for
}

// selection returns the parameters that choose the instances of a service. Consul's client has no
// other way to send them with an answer that it does not decode itself.
func (s *Source) selection() url.Values {
	chosen := url.Values{"tag": s.Tags}
	if !s.PassWarning {
		chosen.Set(api.HealthPassing, "1")
	}
	return chosen
}

// RoundTrip implements http.RoundTripper.
func (t *explicitSettings) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	setOrDelete(r.Header, tokenHeader, t.token)
	query := r.URL.Query()
	setOrDelete(query, "ns", t.namespace)
	setOrDelete(query, "partition", t.partition)
	maps.Copy(query, t.selection)
	r.URL.RawQuery = query.Encode()
	answer, err := t.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode == http.StatusOK {
		answer.Body = http.MaxBytesReader(nil, answer.Body, maxAnswer)
	} else {
		answer.Body = http.MaxBytesReader(nil, answer.Body, maxRefusal)
	}
	return answer, nil
}

// setOrDelete sets a header field or parameter, or removes it if the value is empty.
func setOrDelete(in map[string][]string, key, value string) {
	if value == "" {
		delete(in, key)
	} else {
		in[key] = []string{value}
	}
}
