package dns

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

// failFor makes the answers to some questions failures, and leaves all additional sections empty.
func (z *zone) failFor(fails func(q dns.Question) bool) {
	z.fail(func(_ dns.ResponseWriter, query, reply *dns.Msg) bool {
		if reply.Extra = nil; fails(query.Question[0]) {
			reply.Rcode, reply.Answer = dns.RcodeServerFailure, nil
		}
		return false
	})
}

func isAAAA(q dns.Question) bool { return q.Qtype == dns.TypeAAAA }

func TestAFailureForOneKindOfAddressLeavesTheOther(t *testing.T) {
	z := serve(t, "web.test. 30 A 10.0.0.1")
	z.failFor(isAAAA)
	s := z.source("a", "web.test")
	sourcetest.WantDropped(t, wantLook(t, s, "10.0.0.1:80 weight 1 priority 0"), "web.test: web.test. AAAA: "+z.address+": SERVFAIL")

	z.failFor(func(dns.Question) bool { return false })
	z.set("web.test. 30 A 10.0.0.2", "web.test. 30 AAAA 2001:db8::1")
	wantLook(t, s, "10.0.0.2:80 weight 1 priority 0", "[2001:db8::1]:80 weight 1 priority 0")
	z.failFor(isAAAA)
	z.set("web.test. 30 A 10.0.0.3")
	for range 2 {
		sourcetest.WantDropped(t, wantLook(t, s, "10.0.0.3:80 weight 1 priority 0", "[2001:db8::1]:80 weight 1 priority 0"),
			"web.test: its last addresses stay: web.test. AAAA: "+z.address+": SERVFAIL")
	}
}

func TestAFailureForOneKindAndNoneOfTheOtherIsAnError(t *testing.T) {
	z := serve(t, "web.test. 30 AAAA 2001:db8::1")
	s := z.source("a", "web.test")
	wantLook(t, s, "[2001:db8::1]:80 weight 1 priority 0")
	z.failFor(isAAAA)
	if _, _, err := look(t, s); err == nil || !strings.HasPrefix(err.Error(), "web.test. AAAA: ") {
		t.Errorf("got %v", err)
	}
}

func TestATargetThatFailsKeepsItsAddresses(t *testing.T) {
	const records = "web.test. 30 SRV 0 1 80 a.other.;web.test. 30 SRV 0 1 80 b.other.;b.other. 30 A 10.0.0.2;a.other. 30 A "
	z := serve(t, strings.Split(records+"10.0.0.1", ";")...)
	isB := func(q dns.Question) bool { return q.Name == "b.other." }
	z.failFor(isB)
	sourcetest.WantDropped(t, wantLook(t, z.source("srv", "web.test"), "10.0.0.1:80 weight 1 priority 0 id a.other:80"), "b.other: b.other. A: "+z.address+": SERVFAIL")

	s := z.source("srv", "web.test")
	z.failFor(func(dns.Question) bool { return false })
	wantLook(t, s, "10.0.0.1:80 weight 1 priority 0 id a.other:80", "10.0.0.2:80 weight 1 priority 0 id b.other:80")
	z.failFor(isB)
	z.set(strings.Split(records+"10.0.0.7", ";")...)
	sourcetest.WantDropped(t, wantLook(t, s, "10.0.0.2:80 weight 1 priority 0 id b.other:80", "10.0.0.7:80 weight 1 priority 0 id a.other:80"),
		"b.other: its last addresses stay: b.other. A: "+z.address+": SERVFAIL")
}

func TestALookUpFailsIfEveryTargetFails(t *testing.T) {
	z := serve(t, "web.test. 30 SRV 0 1 80 a.other.", "web.test. 30 SRV 0 1 80 b.other.", "a.other. 30 A 10.0.0.1", "b.other. 30 A 10.0.0.2")
	s := z.source("srv", "web.test")
	z.failFor(func(dns.Question) bool { return false })
	wantLook(t, s, "10.0.0.1:80 weight 1 priority 0 id a.other:80", "10.0.0.2:80 weight 1 priority 0 id b.other:80")
	z.failFor(func(q dns.Question) bool { return q.Qtype != dns.TypeSRV })
	if _, _, err := look(t, s); err == nil || !strings.HasPrefix(err.Error(), "a.other. A: ") {
		t.Errorf("got %v", err)
	}
}
