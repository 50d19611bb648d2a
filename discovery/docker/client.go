package docker

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/moby/moby/client"
)

const maxPort = 65535

// machine returns the host of the engine.
func machine(host string) (string, error) {
	if socket, ok := strings.CutPrefix(host, "unix://"); ok && path.IsAbs(socket) {
		return "127.0.0.1", nil
	}
	u, err := url.Parse(host)
	if err == nil && u.Scheme == "tcp" && u.User == nil {
		if name, port, err := net.SplitHostPort(u.Host); err == nil && name != "" && port != "" {
			return name, nil
		}
	}
	return "", errors.New("host: is not a socket; expected unix:///path or tcp://host:port") // it may hold a password
}

// connect makes the client. The client negotiates the version of the API, but would assume TLS for
// a transport that it did not make, so the scheme is set here.
func (s *Source) connect(limit int) (c *client.Client, closeIdle func(), err error) {
	transport := &http.Transport{TLSClientConfig: s.tls}
	if socket, ok := strings.CutPrefix(s.Host, "unix://"); ok {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}
	}
	own := &http.Client{
		Transport:     &boundedTransport{transport, limit},
		CheckRedirect: client.CheckRedirect,
	}
	scheme := "http"
	if s.tls != nil {
		scheme = "https"
	}
	// The host comes first, because the client can only make a transport of its own dial it.
	c, err = client.New(client.WithHost(s.Host), client.WithHTTPClient(own), client.WithScheme(scheme))
	return c, own.CloseIdleConnections, err
}
