package dns

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

// target is an SRV record whose target has a number of addresses.
func target(weight uint16, addresses int) srvTarget {
	return srvTarget{SRV: &dns.SRV{Weight: weight, Port: 80}, name: "a.test.", addresses: make([]netip.Addr, addresses)}
}

func TestEachAddressOfATargetHasItsShareOfTheWeight(t *testing.T) {
	for _, c := range []struct {
		targets []srvTarget
		want    []int
	}{
		{[]srvTarget{target(3, 1), target(1, 1)}, []int{3, 1}},
		{[]srvTarget{target(0, 1), target(0, 1)}, []int{1, 1}},
		{[]srvTarget{target(9, 1), target(0, 1)}, []int{9, 1}},
		{[]srvTarget{target(1, 2), target(1, 1)}, []int{1, 2}},
		{[]srvTarget{target(1, 2), target(1, 3), target(2, 1)}, []int{3, 2, 12}},
		{[]srvTarget{target(5, 0), target(1, 1)}, []int{5, 1}},
		{[]srvTarget{target(65535, 1), target(65535, 2), target(1, 2)}, []int{65535, 32767, 1}},
		{[]srvTarget{target(65535, 4001), target(65535, 3989)}, []int{65338, 65535}},
		{nil, []int{}},
	} {
		if got := shares(c.targets); !slices.Equal(got, c.want) {
			t.Errorf("got %v; want %v", got, c.want)
		}
	}
}

func TestOnlyATargetWithOneAddressGivesAnID(t *testing.T) {
	one, two := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	sourcetest.WantEndpoints(t, targetEndpoints([]srvTarget{
		{SRV: &dns.SRV{Port: 80, Weight: 2}, name: "a.test.", addresses: []netip.Addr{one, two}},
		{SRV: &dns.SRV{Port: 81, Weight: 1}, name: "b.test.", addresses: []netip.Addr{one}},
	}),
		"10.0.0.1:80 weight 2 priority 0",
		"10.0.0.1:81 weight 2 priority 0 id b.test:81",
		"10.0.0.2:80 weight 2 priority 0",
	)
}

func TestRecordsWithAMistakeAreDroppedAlone(t *testing.T) {
	z := serve(t,
		"web.test. 30 SRV 0 1 80 a.web.test.", "a.web.test. 30 A 10.0.0.1",
		"web.test. 30 SRV 0 1 0 a.web.test.",
		"web.test. 30 SRV 5 9 80 a.web.test.",
		"web.test. 30 SRV 0 1 80 none.web.test.",
		"web.test. 30 SRV 0 1 80 zero.web.test.", "zero.web.test. 30 A 0.0.0.0",
		"web.test. 30 SRV 0 1 80 many.web.test.", "many.web.test. 30 AAAA ff02::1",
		"web.test. 30 SRV 0 1 80 all.web.test.", "all.web.test. 30 A 255.255.255.255",
	)
	answer := wantLook(t, z.source("srv", "web.test"), "10.0.0.1:80 weight 1 priority 0 id a.web.test:80")
	sourcetest.WantDropped(t, answer,
		`a.web.test:0: address: "10.0.0.1:0" has no port; expected a host and port such as 10.0.0.7:8080`,
		"a.web.test:80: address: 10.0.0.1:80 is already that of a.web.test:80",
		"all.web.test:80: address: 255.255.255.255 is the broadcast address; expected the address of one server, such as 10.0.0.7",
		"many.web.test:80: address: ff02::1 is a multicast address; expected the address of one server, such as 10.0.0.7",
		"none.web.test:80: target: has no address",
		"zero.web.test:80: address: 0.0.0.0 is an address to listen on; expected the address of one server, such as 10.0.0.7",
	)
}

func TestAKeptNameThatIsNoHostIsDropped(t *testing.T) {
	z := serve(t, `web.test. 30 SRV 0 1 80 a\{b\}.test.`, "web.test. 30 SRV 0 1 80 b.test.")
	s := z.source("srv", "web.test")
	s.KeepNames = true
	if answer := wantLook(t, s, "b.test:80 weight 1 priority 0"); len(answer.Dropped) != 1 {
		t.Errorf("dropped %v", answer.Dropped)
	}
}

func FuzzMessagesBecomeValidEndpoints(f *testing.F) {
	for _, records := range [][]string{
		{"a.test. 30 A 10.0.0.1", "a.test. 30 AAAA ::1"},
		{"a.test. 30 SRV 0 0 80 b.test.", "a.test. 30 SRV 1 9 0 .", "b.test. 5 A 10.0.0.1"},
		{"a.test. 30 CNAME b.test.", "b.test. 30 CNAME a.test."},
	} {
		reply := new(dns.Msg).SetQuestion("a.test.", dns.TypeSRV)
		for _, text := range records {
			record, err := dns.NewRR(text)
			if err != nil {
				f.Fatal(err)
			}
			reply.Answer, reply.Extra = append(reply.Answer, record), append(reply.Extra, record)
		}
		packed, err := reply.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		reply := new(dns.Msg)
		if reply.Unpack(data) != nil || len(reply.Question) != 1 {
			return
		}
		var hosts, services answer
		hosts.read(reply, dns.TypeA)
		var all []netip.Addr
		for _, record := range hosts.records {
			all = append(all, addressOf(record))
		}
		wantValid(t, addressEndpoints("web.test.", all, 80))
		services.read(reply, dns.TypeSRV)
		targets := srvTargets(services.records)
		known := (&lookup{kinds: families["both"]}).additional(services.extra)
		for i := range targets {
			targets[i].addresses = known[targets[i].name]
		}
		wantValid(t, targetEndpoints(targets))
		wantValid(t, nameEndpoints(services.records))
	})
}

func wantValid(t *testing.T, answer discovery.Answer) {
	t.Helper()
	seen := make(map[string]bool)
	for _, e := range answer.Endpoints {
		again := e
		err := again.Normalize()
		if err != nil || again.Address != e.Address || seen[e.Address] || e.Weight < 1 || e.Weight > listing.MaxWeight {
			t.Errorf("%+v: %v", e, err)
		}
		seen[e.Address] = true
	}
}

func TestATargetThatIsNoHostNameIsDropped(t *testing.T) {
	var records []dns.RR
	for _, target := range []string{
		"unix/.run.app.sock.", "a.test.", "unix//run/app.sock.", `\000a.test.`, `a\032b.test.`, "[::1].test.", "{env.X}.test.",
		"a@b.test.", "A_1-b.test.", "h2c://a.test.", "a:1.test.", "10.0.0.1/32.", "*.test.",
	} {
		port := uint16(80 + len(records))
		records = append(records, &dns.SRV{Hdr: dns.RR_Header{Rrtype: dns.TypeSRV}, Target: target, Port: port})
	}
	answer := nameEndpoints(records)
	if got := sourcetest.Addresses(answer.Endpoints); got != "a.test:81 a_1-b.test:88" {
		t.Errorf("got %s", got)
	}
	for _, d := range answer.Dropped {
		if !strings.Contains(d.Err.Error(), "is not a host name") {
			t.Errorf("%s: got %v", d.Key, d.Err)
		}
	}
}
