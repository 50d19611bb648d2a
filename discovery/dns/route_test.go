package dns

import (
	"net/netip"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

// withoutRoutesTo makes the source find no route to some networks.
func withoutRoutesTo(s *Source, networks ...string) {
	s.hasRoute = func(address netip.Addr) bool {
		for _, network := range networks {
			if netip.MustParsePrefix(network).Contains(address) {
				return false
			}
		}
		return true
	}
}

func TestAFamilyWithoutARouteIsLeftOut(t *testing.T) {
	const v4, v6, all = "10.0.0.1:80 weight 1 priority 0", "[2001:db8::1]:80 weight 1 priority 0", "::/0"
	for _, c := range []struct {
		ip      string
		without []string
		want    []string
	}{
		{"", nil, []string{v4, v6}},
		{"", []string{all}, []string{v4}},
		{"auto", []string{all}, []string{v4}},
		{"auto", []string{"0.0.0.0/0"}, []string{v6}},
		{"auto", []string{all, "0.0.0.0/0"}, []string{v4, v6}}, // the network is down
		{"both", []string{all}, []string{v4, v6}},
		{"ipv6", []string{all}, []string{v6}},
	} {
		z := serve(t, "web.test. 30 A 10.0.0.1", "web.test. 30 AAAA 2001:db8::1")
		s := z.source("a", "web.test")
		s.IP = c.ip
		withoutRoutesTo(s, c.without...)
		sourcetest.WantDropped(t, wantLook(t, s, c.want...))
	}
}

func TestAddressesOfOneFamilyStayIfSomeHaveNoRoute(t *testing.T) {
	z := serve(t, "web.test. 30 A 10.0.0.1", "web.test. 30 A 10.0.1.1")
	s := z.source("a", "web.test")
	withoutRoutesTo(s, "10.0.1.0/24")
	wantLook(t, s, "10.0.0.1:80 weight 1 priority 0", "10.0.1.1:80 weight 1 priority 0")
}

func TestATargetWithoutARouteIsDroppedIfOthersHaveOne(t *testing.T) {
	z := serve(t,
		"web.test. 30 SRV 0 2 80 a.web.test.", "a.web.test. 30 A 10.0.0.1", "a.web.test. 30 AAAA 2001:db8::1",
		"web.test. 30 SRV 0 1 80 b.web.test.", "b.web.test. 30 AAAA 2001:db8::2",
	)
	s := z.source("srv", "web.test")
	withoutRoutesTo(s, "::/0")
	answer := wantLook(t, s, "10.0.0.1:80 weight 2 priority 0 id a.web.test:80") // the share of both addresses
	sourcetest.WantDropped(t, answer, "b.web.test:80: target: this machine has no route to its addresses")
}

func TestThereIsARouteToLoopback(t *testing.T) {
	if !hasRoute(netip.MustParseAddr("127.0.0.1")) {
		t.Error("there is none")
	}
}
