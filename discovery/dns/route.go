package dns

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
)

// routes says to which addresses of a look-up the machine has a route.
type routes struct {
	has   func(netip.Addr) bool
	known map[netip.Prefix]bool
}

// hasRoute reports whether the machine has a route to an address. It sends nothing, because
// connecting a datagram socket only looks up the route.
func hasRoute(address netip.Addr) bool {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(address, 9)))
	if err == nil {
		conn.Close()
		return true
	}
	for _, unreachable := range []error{
		syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT,
	} {
		if errors.Is(err, unreachable) {
			return false
		}
	}
	return true
}

// to returns whether there is a route to an address. Addresses of one network have the same.
func (r *routes) to(address netip.Addr) bool {
	bits := 64
	if address.Is4() {
		bits = 24
	}
	network, err := address.Prefix(bits)
	if err != nil {
		return true // an address of no family is dropped later, with its mistake
	}
	has, known := r.known[network]
	if !known {
		if r.known == nil {
			r.known = make(map[netip.Prefix]bool)
		}
		has = r.has(address)
		r.known[network] = has
	}
	return has
}

// leaveOut removes the addresses without a route from the targets if there is a route to addresses
// of the other family. Without any route all stay: the network may be down for a moment.
func (r *routes) leaveOut(targets []srvTarget) {
	var v4, v6 bool // there is a route
	for i := range targets {
		for _, address := range targets[i].addresses {
			if address.Is4() {
				v4 = v4 || r.to(address)
			} else {
				v6 = v6 || r.to(address)
			}
		}
	}
	if v4 == v6 {
		return
	}
	for i := range targets {
		var left []netip.Addr
		for _, address := range targets[i].addresses {
			if address.Is4() == v4 {
				left = append(left, address)
			}
		}
		targets[i].unroutable = len(left) == 0 && len(targets[i].addresses) > 0
		targets[i].addresses = left
	}
}
