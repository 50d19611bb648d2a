package egress

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// machine knows the addresses of this machine. They may change at any time.
type machine struct {
	mu  sync.Mutex
	ips map[netip.Addr]bool
	at  time.Time
}

// interfacesAge is how old the list of the machine's addresses may be. To read it takes 0.1 ms.
const interfacesAge = time.Second

// has reports whether an address without a zone is one of this machine.
func (m *machine) has(ip netip.Addr) bool {
	if ip.IsLoopback() {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := time.Now(); m.ips == nil || now.Sub(m.at) > interfacesAge {
		m.ips, m.at = make(map[netip.Addr]bool), now
		addresses, _ := net.InterfaceAddrs() // without them, the loopback is left
		for _, a := range addresses {
			if prefix, err := netip.ParsePrefix(a.String()); err == nil {
				m.ips[prefix.Addr().Unmap().WithZone("")] = true
			}
		}
	}
	return m.ips[ip]
}
