package dns

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

// withoutEDNS makes the zone fail for queries with EDNS, and counts them.
func (z *zone) withoutEDNS(fault func(w dns.ResponseWriter, query, reply *dns.Msg) (handled bool)) *atomic.Int32 {
	asked := new(atomic.Int32)
	z.fail(func(w dns.ResponseWriter, query, reply *dns.Msg) bool {
		if query.IsEdns0() == nil {
			return false
		}
		asked.Add(1)
		return fault(w, query, reply)
	})
	return asked
}

func rejectWith(rcode int) func(dns.ResponseWriter, *dns.Msg, *dns.Msg) bool {
	return func(_ dns.ResponseWriter, _, reply *dns.Msg) bool {
		reply.Rcode, reply.Answer, reply.Extra = rcode, nil, nil
		return false
	}
}

func TestAServerThatDoesNotKnowEDNSIsAskedWithoutFromThenOn(t *testing.T) {
	for name, fault := range map[string]func(dns.ResponseWriter, *dns.Msg, *dns.Msg) bool{
		"FORMERR":  rejectWith(dns.RcodeFormatError),
		"NOTIMP":   rejectWith(dns.RcodeNotImplemented),
		"SERVFAIL": rejectWith(dns.RcodeServerFailure),
		"silence":  func(dns.ResponseWriter, *dns.Msg, *dns.Msg) bool { return true },
		"a header alone": func(w dns.ResponseWriter, query, _ *dns.Msg) bool {
			header := &dns.Msg{MsgHdr: dns.MsgHdr{Id: query.Id, Response: true, Rcode: dns.RcodeFormatError}}
			_ = w.WriteMsg(header)
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			z := serve(t, "web.test. 30 A 10.0.0.1")
			rejected := z.withoutEDNS(fault)
			s := z.source("a", "web.test")
			s.IP = "ipv4"
			if name == "silence" {
				s.Timeout = ofSilence
			}
			for range 3 {
				wantLook(t, s, "10.0.0.1:80 weight 1 priority 0")
				s.Timeout = patient // nothing is silent from now on
			}
			if n := rejected.Load(); n != 1 {
				t.Errorf("asked %d times with EDNS; want once", n)
			}
		})
	}
}

func TestAServerWithoutEDNSGivesLargeAnswersOverTCP(t *testing.T) {
	var records []string
	for i := range 40 { // more than the 512 bytes of a datagram without EDNS
		records = append(records, fmt.Sprintf("web.test. 30 A 10.0.0.%d", i+1))
	}
	z := serve(t, records...)
	z.withoutEDNS(rejectWith(dns.RcodeFormatError))
	s := z.source("a", "web.test")
	s.IP = "ipv4"
	if answer, _, err := look(t, s); len(answer.Endpoints) != 40 || err != nil {
		t.Errorf("got %d endpoints, %v", len(answer.Endpoints), err)
	}
	if got, want := z.questions(), "web.test. A udp, web.test. A udp, web.test. A tcp"; got != want {
		t.Errorf("asked %s; want %s", got, want)
	}
}

func TestAServerThatWasUpgradedIsAskedWithEDNSAgain(t *testing.T) {
	z := serve(t, "web.test. 30 A 10.0.0.1")
	z.withoutEDNS(rejectWith(dns.RcodeFormatError))
	s := z.source("a", "web.test")
	s.IP = "ipv4"
	wantLook(t, s, "10.0.0.1:80 weight 1 priority 0")

	z.fail(func(w dns.ResponseWriter, query, reply *dns.Msg) bool {
		if query.IsEdns0() == nil {
			return rejectWith(dns.RcodeRefused)(w, query, reply)
		}
		return false
	})
	wantLook(t, s, "10.0.0.1:80 weight 1 priority 0")
}

func TestWhatOneServerDoesNotKnowSaysNothingOfAnother(t *testing.T) {
	old, modern := serve(t), serve(t, "web.test. 30 A 10.0.0.1")
	old.fail(func(_ dns.ResponseWriter, query, reply *dns.Msg) bool {
		reply.Rcode, reply.Answer = dns.RcodeRefused, nil
		if query.IsEdns0() != nil {
			reply.Rcode = dns.RcodeFormatError
		}
		return false
	})
	var plain atomic.Int32
	modern.fail(func(_ dns.ResponseWriter, query, _ *dns.Msg) bool {
		if query.IsEdns0() == nil {
			plain.Add(1)
		}
		return false
	})
	s := modern.source("a", "web.test")
	s.IP, s.Resolvers = "ipv4", []string{old.address, modern.address}
	for range 2 {
		wantLook(t, s, "10.0.0.1:80 weight 1 priority 0")
	}
	if plain.Load() > 0 {
		t.Error("the second server was asked without EDNS")
	}
}
