package egress

import (
	"cmp"
	"net"
	"net/netip"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// Listeners are the addresses that Caddy listens on by its config.
type Listeners struct{ admin, sites listeners }

func (l *Listeners) equal(o *Listeners) bool {
	return slices.Equal(l.admin, o.admin) && slices.Equal(l.sites, o.sites)
}

// listeners are several listeners, each of them once.
type listeners []listener

// listener is one address to listen on.
type listener struct {
	socket   string     // the path of a unix socket, else ""
	name     string     // a host name, else ""
	ip       netip.Addr // not valid for a name, and for all addresses of the machine
	from, to uint       // the ports
}

// add adds an address in Caddy's notation. It leaves out what no TCP connection reaches.
func (l *listeners) add(address caddy.NetworkAddress) {
	one := listener{from: address.StartPort, to: address.EndPort}
	switch {
	case address.IsUnixNetwork():
		one.socket, _, _ = strings.Cut(address.Host, "|")
	case !strings.HasPrefix(address.Network, "tcp"):
		return
	default:
		if ip, err := netip.ParseAddr(address.Host); err != nil {
			one.name = strings.ToLower(address.Host)
		} else if !ip.IsUnspecified() {
			one.ip = ip.Unmap().WithZone("")
		}
	}
	if !slices.Contains(*l, one) {
		*l = append(*l, one)
	}
}

// sort orders the listeners, so that those of two configs can be compared.
func (l listeners) sort() {
	slices.SortFunc(l, func(a, b listener) int {
		return cmp.Or(cmp.Compare(a.socket, b.socket), cmp.Compare(a.name, b.name), a.ip.Compare(b.ip),
			cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
	})
}

// has reports whether a connection to a socket reaches one of the listeners. A listener on a name
// counts as one on all addresses of the machine, because its address is not known.
func (l listeners) has(socket netip.AddrPort, here *machine) bool {
	ip, port := socket.Addr(), uint(socket.Port())
	return slices.ContainsFunc(l, func(one listener) bool {
		switch {
		case one.socket != "" || port < one.from || port > one.to:
			return false
		case one.name == "localhost":
			return ip.IsLoopback()
		case one.ip.IsValid():
			return one.ip == ip
		}
		return here.has(ip)
	})
}

// hasName reports whether one of the listeners has a host name and a port.
func (l listeners) hasName(name string, port uint16) bool {
	return slices.ContainsFunc(l, func(one listener) bool {
		return one.name == name && one.from <= uint(port) && uint(port) <= one.to
	})
}

// hasSocket reports whether a path leads to one of the listeners, also by links.
func (l listeners) hasSocket(at string) bool {
	return slices.ContainsFunc(l, func(one listener) bool {
		if one.socket == "" {
			return false
		}
		if path.Clean(one.socket) == path.Clean(at) {
			return true
		}
		own, err := os.Stat(one.socket)
		if err != nil {
			return false
		}
		other, err := os.Stat(at)
		return err == nil && os.SameFile(own, other)
	})
}

// isListening reports whether Caddy listens on a socket of this machine, by its config or for a
// plugin. Caddy counts listeners by what their config says, so several spellings are tried.
func isListening(socket netip.AddrPort, here *machine) bool {
	ip, port := socket.Addr(), strconv.Itoa(int(socket.Port()))
	if !here.has(ip) {
		return false
	}
	hosts := []string{"", "0.0.0.0", "::", ip.String()}
	if ip.IsLoopback() {
		hosts = append(hosts, "localhost")
	}
	for _, network := range []string{"tcp", "tcp4", "tcp6"} {
		for _, host := range hosts {
			if caddy.ListenerUsage(network, net.JoinHostPort(host, port)) > 0 {
				return true
			}
		}
	}
	return false
}
