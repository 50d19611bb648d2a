package docker

import (
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
func (s *Source) connect() (*client.Client, error) {
	own := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: s.tls},
		CheckRedirect: client.CheckRedirect,
	}
	scheme := "http"
	if s.tls != nil {
		scheme = "https"
	}
	return client.New(client.WithHTTPClient(own), client.WithHost(s.Host), client.WithScheme(scheme))
}
