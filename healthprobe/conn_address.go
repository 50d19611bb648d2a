package healthprobe

import (
	"fmt"
	"net"
	"strconv"

	"github.com/caddyserver/caddy/v2"
)

// address is one socket, as a probe needs it.
type address struct {
	network, socket string // for the dialer
	host, port      string // localhost and no port for a unix socket, which has no host of its own
	h2c             bool   // its network says so
}

// parseAddress takes what endpoints are named by. It costs about a thousandth of a probe, so that
// there is nothing to keep between two of them.
func parseAddress(text string) (address, error) {
	parsed, err := caddy.ParseNetworkAddress(text)
	if err != nil {
		return address{}, err
	}
	switch parsed.Network {
	case "unix", "unix+h2c":
		return address{network: "unix", socket: parsed.Host, host: "localhost", h2c: parsed.Network == "unix+h2c"}, nil
	case "tcp", "tcp4", "tcp6":
		return address{
			network: parsed.Network, socket: parsed.JoinHostPort(0),
			host: parsed.Host, port: strconv.FormatUint(uint64(parsed.StartPort), 10),
		}, nil
	}
	return address{}, fmt.Errorf("no probe over %s; expected tcp or unix", parsed.Network)
}

// onPort is another socket of the same host.
func (a address) onPort(port string) (address, error) {
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

// authority is the address as requests name it.
func (a address) authority() string {
	if a.port == "" {
		return a.host
	}
	return a.socket
}
