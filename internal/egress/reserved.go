package egress

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// metadata are the addresses at which clouds serve credentials and settings to their machines. No
// setting permits them.
var metadata = []netip.Addr{
	netip.MustParseAddr("169.254.169.254"), // AWS, Azure, Google, DigitalOcean, OpenStack and others
	netip.MustParseAddr("fd00:ec2::254"),   // AWS
	netip.MustParseAddr("169.254.170.2"),   // AWS, containers
	netip.MustParseAddr("169.254.170.23"),  // AWS, pods
	netip.MustParseAddr("fd00:ec2::23"),    // AWS, pods
	netip.MustParseAddr("168.63.129.16"),   // Azure, the wire server
	netip.MustParseAddr("fd20:ce::254"),    // Google
	netip.MustParseAddr("fe80::a9fe:a9fe"), // OpenStack
	netip.MustParseAddr("100.100.100.200"), // Alibaba
	netip.MustParseAddr("192.0.0.192"),     // Oracle
	netip.MustParseAddr("169.254.0.23"),    // Tencent
	netip.MustParseAddr("169.254.42.42"),   // Scaleway
	netip.MustParseAddr("fd00:42::42"),     // Scaleway
}

var (
	thisNetwork = netip.MustParsePrefix("0.0.0.0/8") // RFC 1122: Linux dials its own machine there
	nat64       = netip.MustParsePrefix("64:ff9b::/96")
	linkLocal   = []netip.Prefix{netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fe80::/10")}
)

// checkReserved returns an error for an address that a registry may not name. The address has no
// zone.
func (r *Rules) checkReserved(ip netip.Addr) error {
	if err := listing.CheckUnicast(ip); err != nil {
		return err
	}
	if thisNetwork.Contains(ip) {
		return fmt.Errorf("%s is in %s, which belongs to no server", ip, thisNetwork)
	}
	if slices.Contains(metadata, ip) {
		return fmt.Errorf("%s is the address of a metadata service", ip)
	}
	for _, network := range linkLocal {
		if network.Contains(ip) && !r.allow.names(network, ip) {
			return fmt.Errorf("%s is link-local, which takes allow with a network in %s", ip, network)
		}
	}
	return nil
}

// translated returns the IPv4 address that a NAT64 gateway dials for an IPv6 address (RFC 6052). It
// is not valid for other addresses.
func translated(ip netip.Addr) netip.Addr {
	if !nat64.Contains(ip) {
		return netip.Addr{}
	}
	all := ip.As16()
	return netip.AddrFrom4([4]byte(all[12:]))
}
