package egress

import (
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// machine knows the addresses of this machine. They may change at any time.
type machine struct {
	known   atomic.Pointer[addresses]
	reading atomic.Bool
}

// addresses are those of the machine at one moment. They never change.
type addresses struct {
	ips map[netip.Addr]bool
	at  time.Time
}

// interfacesAge is how old the list of the machine's addresses may be. To read it takes 0.1 ms.
const interfacesAge = time.Second

// has reports whether an address without a zone is one of this machine. It takes no lock, because
// each request asks if the connections of its transport cannot be judged.
func (m *machine) has(ip netip.Addr) bool {
	return ip.IsLoopback() || m.addresses().ips[ip]
}

// addresses returns the latest addresses. One of the callers that find them too old reads them
// again, while others go on with those.
func (m *machine) addresses() *addresses {
	known := m.known.Load()
	if known != nil && (time.Since(known.at) <= interfacesAge || m.reading.Swap(true)) {
		return known
	}
	defer m.reading.Store(false)
	known = readAddresses()
	m.known.Store(known)
	return known
}

func readAddresses() *addresses {
	a := &addresses{ips: make(map[netip.Addr]bool), at: time.Now()}
	found, _ := net.InterfaceAddrs() // without them, the loopback is left
	for _, one := range found {
		if prefix, err := netip.ParsePrefix(one.String()); err == nil {
			a.ips[prefix.Addr().Unmap().WithZone("")] = true
		}
	}
	return a
}
