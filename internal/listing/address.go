package listing

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode"

	"github.com/caddyserver/caddy/v2"
)

const (
	addressExample = "a host and port such as 10.0.0.7:8080"

	// maxAddressLength exceeds any host name (253 bytes) and any socket path (108 bytes).
	maxAddressLength = 512
)

// normalAddress returns the one form of an address that denotes one socket. Caddy also accepts port
// ranges and placeholders, but those have no single state that a pool could keep.
func normalAddress(address string) (string, error) {
	if address == "" {
		return "", errors.New("is missing; expected " + addressExample)
	}
	if hasControl(address) || strings.ContainsFunc(address, unicode.IsSpace) || strings.ContainsAny(address, "{}") {
		return "", fmt.Errorf("%s has a space, a placeholder or a control character", quoted(address))
	}
	if len(address) > maxAddressLength {
		return "", fmt.Errorf("%s is too long; expected %s", quoted(address), addressExample)
	}
	if strings.Contains(address, "://") {
		return "", fmt.Errorf("%s is a URL; expected %s", quoted(address), addressExample)
	}
	if err := checkNetwork(address); err != nil {
		return "", err
	}
	parsed, err := caddy.ParseNetworkAddress(address)
	if err != nil {
		return "", fmt.Errorf("%s: %w; expected %s", quoted(address), err, addressExample)
	}
	if parsed.IsUnixNetwork() {
		return normalSocket(parsed)
	}
	return normalHostPort(address, parsed)
}

func normalSocket(parsed caddy.NetworkAddress) (string, error) {
	switch {
	case parsed.Host == "":
		return "", errors.New("a unix socket needs a path such as unix//run/app.sock")
	case strings.Contains(parsed.Host, "|"):
		return "", fmt.Errorf("%s has permission bits, which only listeners have", quoted(parsed.Host))
	}
	return parsed.String(), nil
}

func normalHostPort(address string, parsed caddy.NetworkAddress) (string, error) {
	switch {
	case parsed.PortRangeSize() != 1:
		return "", fmt.Errorf("%s means %d sockets; expected one port", quoted(address), parsed.PortRangeSize())
	case parsed.StartPort == 0:
		return "", fmt.Errorf("%s has no port; expected %s", quoted(address), addressExample)
	case parsed.Host == "":
		return "", fmt.Errorf("%s has no host; expected %s", quoted(address), addressExample)
	case strings.ContainsAny(parsed.Host, `/\?#@[],"`):
		return "", fmt.Errorf("%s is not a host; expected %s", quoted(parsed.Host), addressExample)
	}
	host, err := normalHost(parsed.Host)
	if err != nil {
		return "", err
	}
	parsed.Host = host
	return parsed.String(), nil
}

// normalHost returns one form for the many spellings of a host, so that they are one endpoint.
func normalHost(host string) (string, error) {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return strings.ToLower(host), nil
	}
	ip = ip.Unmap()
	return ip.String(), CheckUnicast(ip)
}
