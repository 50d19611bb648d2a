package egress

import (
	"fmt"
	"net/netip"
	"slices"
)

// networks are the networks in a setting of a pool.
type networks []netip.Prefix

// privateRanges are the networks of private_ranges, the same as everywhere in Caddy.
var privateRanges = networks{
	netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.1/8").Masked(),
	netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("::1/128"),
}

// add adds a network, an address or private_ranges.
func (n *networks) add(text string) error {
	if text == "private_ranges" {
		*n = append(*n, privateRanges...)
		return nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		ip, err := netip.ParseAddr(text)
		if err != nil || ip.Zone() != "" {
			return fmt.Errorf("%.100q is not a network such as 10.0.0.0/8", text)
		}
		prefix = netip.PrefixFrom(ip, ip.BitLen())
	}
	if ip := prefix.Addr(); ip.Is4In6() && prefix.Bits() >= 96 {
		prefix = netip.PrefixFrom(ip.Unmap(), prefix.Bits()-96)
	}
	*n = append(*n, prefix.Masked())
	return nil
}

// find returns the first network that contains an address without a zone.
func (n networks) find(ip netip.Addr) (netip.Prefix, bool) {
	if i := slices.IndexFunc(n, func(p netip.Prefix) bool { return p.Contains(ip) }); i >= 0 {
		return n[i], true
	}
	return netip.Prefix{}, false
}

// names reports whether one of the networks lies within another one and contains an address of it.
// 0.0.0.0/0 contains every address, but names none.
func (n networks) names(within netip.Prefix, ip netip.Addr) bool {
	return slices.ContainsFunc(n, func(p netip.Prefix) bool {
		return p.Contains(ip) && within.Contains(p.Addr()) && p.Bits() >= within.Bits()
	})
}
