// Package egress says what a source that reads from a network may make Caddy dial.
//
// A client that writes to a registry would otherwise choose among all that the machine can reach:
// the admin endpoint of Caddy, sockets of other programs, the credentials that clouds serve at
// link-local addresses, or a listener of Caddy itself, which makes a loop.
//
// rules.go judges an address, networks.go reads the networks of a pool's config, reserved.go has
// the addresses that no registry may name, listeners.go those that Caddy listens on, and config.go
// finds them.
package egress

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// Rules are the rules of one pool in one config. A nil *Rules permits everything.
type Rules struct {
	allow, deny  networks
	unix         bool // unix sockets are allowed
	ownListeners bool // Caddy's own listeners are allowed
	listeners    Listeners
	machine      machine
}

// New returns the rules of a pool with these settings, in a Caddy with these listeners. An error
// names the setting and the value.
func New(allow, deny []string, own Listeners) (*Rules, error) {
	r := &Rules{listeners: own}
	for _, text := range allow {
		switch text {
		case "unix":
			r.unix = true
		case "own_listeners":
			r.ownListeners = true
		default:
			if err := r.allow.add(text); err != nil {
				return nil, fmt.Errorf("allow: %w; expected a network, private_ranges, unix or own_listeners", err)
			}
		}
	}
	for _, text := range deny {
		if err := r.deny.add(text); err != nil {
			return nil, fmt.Errorf("deny: %w; expected a network or private_ranges", err)
		}
	}
	return r, nil
}

// SameListeners reports whether both rules know the same listeners of Caddy.
func (r *Rules) SameListeners(o *Rules) bool {
	return r == o || r != nil && o != nil && r.listeners.equal(&o.listeners)
}

// Check returns an error if a normalized address may not be dialed. It cannot know what a host name
// stands for, so CheckSocket has to judge that at each dial.
func (r *Rules) Check(address string) error {
	if r == nil {
		return nil
	}
	if socket, err := netip.ParseAddrPort(address); err == nil { // most addresses, without a network
		return r.CheckSocket(socket)
	}
	parsed, err := caddy.ParseNetworkAddress(address)
	switch {
	case err != nil:
		return err
	case parsed.IsUnixNetwork():
		return r.CheckUnix(parsed.Host)
	}
	port := uint16(parsed.StartPort)
	if ip, err := netip.ParseAddr(parsed.Host); err == nil {
		return r.CheckSocket(netip.AddrPortFrom(ip, port))
	}
	return r.checkName(strings.TrimSuffix(parsed.Host, "."), port)
}

// CheckSocket returns an error if TCP to an IP address and port is not permitted.
func (r *Rules) CheckSocket(socket netip.AddrPort) error {
	if r == nil {
		return nil
	}
	ip := socket.Addr().Unmap().WithZone("")
	for _, ip := range []netip.Addr{ip, translated(ip)} {
		if !ip.IsValid() {
			continue
		}
		if err := r.checkReserved(ip); err != nil {
			return err
		}
		if denied, ok := r.deny.find(ip); ok {
			return fmt.Errorf("%s is in %s, which the pool denies", ip, denied)
		}
		if err := r.checkOwn(netip.AddrPortFrom(ip, socket.Port())); err != nil {
			return err
		}
	}
	if _, ok := r.allow.find(ip); !ok && len(r.allow) > 0 {
		return fmt.Errorf("%s is in no network that the pool allows", ip)
	}
	return nil
}

// CheckUnix returns an error if a unix socket is not permitted.
func (r *Rules) CheckUnix(path string) error {
	switch {
	case r == nil:
		return nil
	case !r.unix:
		return fmt.Errorf("%.200q is a unix socket; expected TCP, unless the pool has allow unix", path)
	case r.listeners.admin.hasSocket(path):
		return fmt.Errorf("%.200q is the admin endpoint of this Caddy", path)
	case !r.ownListeners && r.listeners.sites.hasSocket(path):
		return fmt.Errorf("%.200q is a listener of this Caddy, which takes allow own_listeners", path)
	}
	return nil
}

// checkName judges a host name as far as that is possible without a look-up.
func (r *Rules) checkName(name string, port uint16) error {
	err := r.ownError(r.listeners.admin.hasName(name, port), r.listeners.sites.hasName(name, port),
		func() string { return fmt.Sprintf("%s:%d", name, port) })
	if err != nil || name != "localhost" && !strings.HasSuffix(name, ".localhost") {
		return err
	}
	return cmp.Or(
		r.checkOwn(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)),
		r.checkOwn(netip.AddrPortFrom(netip.IPv6Loopback(), port)),
	)
}

// checkOwn returns an error if this Caddy listens on a socket.
func (r *Rules) checkOwn(socket netip.AddrPort) error {
	admin := r.listeners.admin.has(socket, &r.machine)
	return r.ownError(admin, !admin && !r.ownListeners &&
		(r.listeners.sites.has(socket, &r.machine) || isListening(socket, &r.machine)), socket.String)
}

// ownError takes the address as a function, because nearly all addresses need no text.
func (r *Rules) ownError(admin, site bool, address func() string) error {
	switch {
	case admin:
		return fmt.Errorf("%s is the admin endpoint of this Caddy", address())
	case site && !r.ownListeners:
		return fmt.Errorf("%s is a listener of this Caddy, which takes allow own_listeners", address())
	}
	return nil
}
