package e2e

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/caddy-balance/caddy-balance/internal/e2e/servers"
)

// dnsRegistry has an SRV record for each port and an address record for each endpoint with that
// port. Endpoints with the same port therefore have the same weight.
type dnsRegistry struct {
	t *testing.T
	*servers.Knot
	link    *link
	targets map[uint16]*dns.SRV
}

const dnsName = "_http._tcp.web." + servers.Zone

func TestDNS(t *testing.T) { runScenarios(t, startDNS) }

func startDNS(t *testing.T) *dnsRegistry {
	t.Helper()
	k := servers.StartKnot(t)
	return &dnsRegistry{t: t, Knot: k, link: startLink(t, k.Address), targets: make(map[uint16]*dns.SRV)}
}

func (d *dnsRegistry) source() string {
	return "dns srv " + dnsName + " {\nresolvers " + d.link.address + "\nip ipv4\ntimeout 500ms\n}"
}

func (d *dnsRegistry) registryLink() *link { return d.link }
func (d *dnsRegistry) kill()               { d.Kill() }
func (d *dnsRegistry) restart()            { d.Restart() }
func (d *dnsRegistry) withoutDraining()    {}
func (d *dnsRegistry) connectionless()     {}

func (d *dnsRegistry) restartEmpty() {
	d.RestartEmpty()
	clear(d.targets)
}

// most is the number of addresses of 16 bytes that fit into 64 KiB, the maximum size of a DNS
// message.
func (d *dnsRegistry) most() int { return 4000 }

func (d *dnsRegistry) put(entries ...entry) {
	for batch := range slices.Chunk(entries, 1000) { // an update is a DNS message too
		d.Update(func(m *dns.Msg) {
			for _, e := range batch {
				d.putOne(m, e)
			}
		})
	}
}

func (d *dnsRegistry) putOne(m *dns.Msg, e entry) {
	address := netip.MustParseAddrPort(e.address)
	srv := &dns.SRV{
		Hdr:    dns.RR_Header{Name: dnsName, Rrtype: dns.TypeSRV, Class: dns.ClassINET, Ttl: 1},
		Weight: uint16(e.weight), Port: address.Port(), Target: fmt.Sprintf("at%d.%s", address.Port(), servers.Zone),
	}
	if old := d.targets[srv.Port]; old == nil || old.Weight != srv.Weight {
		if old != nil {
			m.Remove([]dns.RR{old})
		}
		m.Insert([]dns.RR{srv})
		d.targets[srv.Port] = srv
	}
	m.Insert([]dns.RR{addressRecord(srv.Target, address)})
}

func addressRecord(name string, address netip.AddrPort) dns.RR {
	header := dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}
	return &dns.A{Hdr: header, A: address.Addr().AsSlice()}
}

// remove removes whole targets. Each target is one endpoint, except with many backends.
func (d *dnsRegistry) remove(entries ...entry) {
	d.Update(func(m *dns.Msg) {
		for _, e := range entries {
			address := netip.MustParseAddrPort(e.address)
			srv := d.targets[address.Port()]
			m.Remove([]dns.RR{srv, addressRecord(srv.Target, address)})
			delete(d.targets, address.Port())
		}
	})
}
