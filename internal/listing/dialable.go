package listing

import (
	"fmt"
	"net/netip"
	"strings"
)

// Requests can be sent over few of the networks that an address may name, and to one server only.

// checkNetwork returns an error if the part of an address before a slash is not a network that
// carries requests. Caddy takes any text there for a network.
func checkNetwork(address string) error {
	before, after, found := strings.Cut(address, "/")
	if !found {
		return nil
	}
	network := strings.ToLower(before)
	switch network {
	case "", "tcp", "tcp4", "tcp6", "unix", "unixpacket":
		return nil
	case "fd", "fdgram":
		return fmt.Errorf("%s is a file descriptor, which cannot be dialed", quoted(address))
	case "unix+h2c":
		return fmt.Errorf("%s cannot be dialed as it is; expected unix/, and h2c in the transport", quoted(address))
	case "udp", "udp4", "udp6", "ip", "ip4", "ip6", "unixgram":
		return fmt.Errorf("%s: network %s carries no requests; expected %s", quoted(address), network, addressExample)
	}
	switch {
	case isIP(before) && startsWithDigit(after):
		return fmt.Errorf("%s has a prefix length; expected one address and a port, such as 10.0.0.7:8080",
			quoted(address))
	case strings.ContainsAny(before, ".:[]@"):
		return fmt.Errorf("%s has a path; expected only %s", quoted(address), addressExample)
	}
	return fmt.Errorf("%s is not a network; expected %s", quoted(before), addressExample)
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil
}

func startsWithDigit(s string) bool { return s != "" && '0' <= s[0] && s[0] <= '9' }

// CheckUnicast returns an error if an IP address does not belong to one server. Filtering resolvers
// answer with 0.0.0.0, for example, and dialing it reaches the proxy's own machine.
func CheckUnicast(ip netip.Addr) error {
	const expected = "expected the address of one server, such as 10.0.0.7"
	switch plain := ip.WithZone(""); {
	case plain.IsUnspecified():
		return fmt.Errorf("%s is an address to listen on; %s", ip, expected)
	case plain.IsMulticast():
		return fmt.Errorf("%s is a multicast address; %s", ip, expected)
	case plain == broadcast:
		return fmt.Errorf("%s is the broadcast address; %s", ip, expected)
	}
	return nil
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})
