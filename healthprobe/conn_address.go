package healthprobe

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// address is the socket that a probe connects to.
type address struct {
	network, socket string // arguments of the dialer
	host, port      string // localhost and no port for a unix socket, which has no host
	h2c             bool   // whether the setting `upstream` asks for HTTP/2 without TLS
	serverName      string // that TLS asks for and the certificate must have
}

// parseAddress parses the address of an endpoint. It costs about a thousandth of a check, so its
// results are not cached.
func parseAddress(text string) (address, error) {
	parsed, err := caddy.ParseNetworkAddress(text)
	if err != nil {
		return address{}, err
	}
	switch parsed.Network {
	case "unix":
		return address{network: "unix", socket: parsed.Host, host: "localhost"}, nil
	case "tcp", "tcp4", "tcp6":
		return address{
			network: parsed.Network, socket: parsed.JoinHostPort(0),
			host: parsed.Host, port: strconv.FormatUint(uint64(parsed.StartPort), 10),
		}, nil
	}
	return address{}, fmt.Errorf("no probe over %s; expected tcp or unix", parsed.Network)
}

// withPort returns the address of another port on the same host.
func (a address) withPort(port string) (address, error) {
	if a.network == "unix" {
		return address{}, fmt.Errorf("a unix socket has no port %s", port)
	}
	if err := checkPort(port); err != nil {
		return address{}, err
	}
	a.socket, a.port = net.JoinHostPort(a.host, port), port
	return a, nil
}

func checkPort(port string) error {
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("port: %.20q is not a port from 1 to 65535", port)
	}
	return nil
}

// authority returns the address as requests name it: host and port, or localhost for a unix socket.
func (a address) authority() string {
	if a.port == "" {
		return a.host
	}
	return net.JoinHostPort(a.name(), a.port)
}

// name returns the host as requests and certificates name it: without the zone of an IPv6 address,
// which has a meaning on this machine only.
func (a address) name() string {
	host, _, _ := strings.Cut(a.host, "%")
	return host
}

// hostOnly returns the host of a text such as a Host field, which may have a port.
func hostOnly(text string) string {
	if host, _, err := net.SplitHostPort(text); err == nil {
		return host
	}
	return strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
}
