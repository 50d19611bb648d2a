package consul

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/hashicorp/consul/api"
	"github.com/hashicorp/go-cleanhttp"
)

const (
	// maxAnswer has room for ten thousand instances with two checks of the largest output (4 KiB) each.
	maxAnswer = 128 << 20

	// maxRefusal is what an error takes of an answer that is none, such as a proxy's page.
	maxRefusal = 512

	tokenHeader = "X-Consul-Token"
)

// connection is a client and the connections it makes. Each Run has its own: a query that waits occupies a whole
// connection in HTTP/1.1, so sources that shared a client would not share any; and a new one after an error
// never inherits a dead connection.
type connection struct {
	*api.Client
	transport *http.Transport
}

// connect opens nothing yet.
func (s *Source) connect() (*connection, error) {
	transport := cleanhttp.DefaultPooledTransport() // the client's own default
	transport.TLSClientConfig = s.tls.Clone()       // a transport writes into it
	config := &api.Config{
		Address: s.Address,
		Scheme:  "http",
		// Any token keeps the client from looking for one in the environment. The transport sends the right one.
		Token: "unused",
		HttpClient: &http.Client{
			Transport: &explicitSettings{transport, s.Token, s.Namespace, s.Partition},
			// Consul redirects nobody, and the token must not follow to another host.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	if s.TLS != nil {
		config.Scheme = "https"
	}
	if err := reach(s.Address, config, transport); err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	client, err := api.NewClient(config)
	if err != nil {
		return nil, err
	}
	return &connection{client, transport}, nil
}

// reach sets where Consul is. The client would dial a unix socket past our transport.
func reach(address string, config *api.Config, transport *http.Transport) error {
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

// onlyConfigured sends what the source was configured with. Consul's client takes what is missing from
// CONSUL_HTTP_TOKEN, CONSUL_NAMESPACE and CONSUL_PARTITION: settings of somebody's command line. It
// would also read an answer of any size.
type explicitSettings struct {
	*http.Transport
	token, namespace, partition string
}

// RoundTrip implements http.RoundTripper.
func (t *explicitSettings) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	setOrDelete(r.Header, tokenHeader, t.token)
	query := r.URL.Query()
	setOrDelete(query, "ns", t.namespace)
	setOrDelete(query, "partition", t.partition)
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

func setOrDelete(in map[string][]string, key, value string) {
	if value == "" {
		delete(in, key)
	} else {
		in[key] = []string{value}
	}
}
