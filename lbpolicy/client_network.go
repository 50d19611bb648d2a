package lbpolicy

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// clientNetwork shortens the address of a client to its network. A provider gives an IPv6 client a
// network of 64 bits, in which its address changes; the addresses of an IPv4 client may do so
// within 24 bits.
type clientNetwork struct{ ipv4, ipv6 int } // the number of bits

// clientAddressNames are the names of the address of a client, as trusted proxies report it.
var clientAddressNames = []string{"http.vars.client_ip", "vars.client_ip", "client_ip"}

// networkOf returns the network that a placeholder such as `client_ip/24,64` names. It returns
// false for any other placeholder. A single number up to 32 is for IPv4, and a larger one for IPv6.
func networkOf(placeholder string) (n clientNetwork, ok bool, err error) {
	for _, name := range clientAddressNames {
		bits, found := strings.CutPrefix(placeholder, name+"/")
		if found {
			n, err = parseClientNetwork(bits)
			if err != nil {
				err = fmt.Errorf("{%s}: %w", placeholder, err)
			}
			return n, true, err
		}
	}
	return clientNetwork{}, false, nil
}

func parseClientNetwork(bits string) (clientNetwork, error) {
	whole := clientNetwork{32, 128}
	first, second, both := strings.Cut(bits, ",")
	a, err := strconv.Atoi(first)
	b := whole.ipv6
	switch {
	case err != nil:
	case both:
		b, err = strconv.Atoi(second)
	case a > whole.ipv4:
		a, b = whole.ipv4, a
	}
	if err != nil || a < 1 || a > whole.ipv4 || b < 1 || b > whole.ipv6 {
		return whole, fmt.Errorf(
			"'%s' is no length of a network; expected /<IPv4 bits>,<IPv6 bits>, such as /24,64", bits)
	}
	return clientNetwork{a, b}, nil
}

// of returns the network of a request's client as text, "" if the address is not known. What is no
// IP address stays as it is.
func (n clientNetwork) of(r *http.Request) string {
	text, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	prefix, ok := n.prefix(text)
	if !ok {
		return text
	}
	return prefix.String()
}

// prefix returns the network of an address.
func (n clientNetwork) prefix(address string) (p netip.Prefix, ok bool) {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return p, false
	}
	ip = ip.Unmap().WithZone("")
	bits := n.ipv6
	if ip.Is4() {
		bits = n.ipv4
	}
	p, err = ip.Prefix(bits)
	return p, err == nil
}
