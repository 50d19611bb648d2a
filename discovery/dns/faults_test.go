package dns

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/leaktest"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

func TestFailuresAreErrorsAndNotEmptyAnswers(t *testing.T) {
	for want, rcode := range map[string]int{
		"SERVFAIL": dns.RcodeServerFailure, "REFUSED": dns.RcodeRefused, "NOTIMP": dns.RcodeNotImplemented,
		"response code 15": 15,
	} {
		z := serve(t, "web.test. 30 A 10.0.0.1")
		z.failWith(rcode)
		for kind, typ := range map[string]string{"a": "A", "srv": "SRV"} {
			_, _, err := look(t, z.source(kind, "web.test"))
			if want := "web.test. " + typ + ": " + z.address + ": " + want; err == nil || err.Error() != want {
				t.Errorf("got %v; want %s", err, want)
			}
		}
	}
}

func TestTheNextResolverIsAskedWhenOneFails(t *testing.T) {
	good := serve(t, "web.test. 30 A 10.0.0.1")
	for name, fault := range map[string]func(dns.ResponseWriter, *dns.Msg, *dns.Msg) bool{
		"SERVFAIL": func(_ dns.ResponseWriter, _, reply *dns.Msg) bool { reply.Rcode = dns.RcodeServerFailure; return false },
		"silence":  func(dns.ResponseWriter, *dns.Msg, *dns.Msg) bool { return true },
		"garbage": func(w dns.ResponseWriter, _, _ *dns.Msg) bool {
			_, _ = w.Write([]byte("not a DNS message"))
			return true
		},
		"another question": func(_ dns.ResponseWriter, _, reply *dns.Msg) bool {
			reply.Question[0].Name = "evil.test."
			return false
		},
		"a query": func(_ dns.ResponseWriter, _, reply *dns.Msg) bool { reply.Response = false; return false },
		"a referral": func(_ dns.ResponseWriter, _, reply *dns.Msg) bool {
			reply.Authoritative, reply.Answer = false, nil
			return false
		},
	} {
		bad := serve(t, "web.test. 30 A 10.9.9.9")
		bad.fail(fault)
		s := good.source("a", "web.test")
		s.IP, s.Resolvers = "ipv4", []string{bad.address, good.address}
		if name == "silence" {
			s.Timeout = ofSilence
		}
		wantLook(t, s, "10.0.0.1:80 weight 1 priority 0")
		if got := bad.questions(); got == "" {
			t.Errorf("%s: the first resolver was not asked", name)
		}
	}
}

func TestALostPacketIsAskedForAgain(t *testing.T) {
	z := serve(t, "web.test. 30 A 10.0.0.1")
	var lost atomic.Bool
	z.fail(func(dns.ResponseWriter, *dns.Msg, *dns.Msg) bool { return !lost.Swap(true) })
	s := z.source("a", "web.test")
	s.IP, s.Timeout = "ipv4", ofSilence
	wantLook(t, s, "10.0.0.1:80 weight 1 priority 0")
}

func TestAnAnswerWithAnotherIDIsPassedOver(t *testing.T) {
	z := serve(t, "web.test. 30 A 10.0.0.1")
	z.fail(func(w dns.ResponseWriter, query, reply *dns.Msg) bool {
		forged := reply.Copy()
		forged.Id++
		forged.Answer = []dns.RR{&dns.A{Hdr: *reply.Answer[0].Header(), A: net.IPv4(10, 6, 6, 6)}}
		_ = w.WriteMsg(forged)
		return false
	})
	s := z.source("a", "web.test")
	s.IP = "ipv4"
	wantLook(t, s, "10.0.0.1:80 weight 1 priority 0")
}

func TestAliasesThatNeverEndAreAnError(t *testing.T) {
	z := serve(t, "web.test. 30 CNAME web.test.", "x.test. 30 CNAME x.example.", "x.example. 30 CNAME x.test.")
	for _, name := range []string{"web.test", "x.test"} {
		if _, _, err := look(t, z.source("a", name)); err == nil || err.Error() != name+".: more than 16 aliases lead on from it" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAThousandRecordsComeOverTCP(t *testing.T) {
	records := make([]string, 1000)
	var want []string
	for i := range records {
		address := fmt.Sprintf("10.0.%d.%d", i/250, i%250+1)
		records[i] = "web.test. 30 A " + address
		want = append(want, address+":80")
	}
	z := serve(t, records...)
	s := z.source("a", "web.test")
	s.IP = "ipv4"
	answer, _, err := look(t, s)
	if got := sourcetest.Addresses(answer.Endpoints); err != nil || got != strings.Join(want, " ") {
		t.Errorf("got %s, %v", got, err)
	}
	if got, want := z.questions(), "web.test. A udp, web.test. A tcp"; got != want {
		t.Errorf("asked %s; want %s", got, want)
	}
}

func TestAThousandTargetsComeWithTheirAddresses(t *testing.T) {
	var records []string
	for i := range 1000 {
		records = append(records, fmt.Sprintf("web.test. 30 SRV 0 1 %d n%d.web.test.", 8000+i, i), fmt.Sprintf("n%d.web.test. 30 A 10.0.0.1", i))
	}
	z := serve(t, records...)
	if answer, _, err := look(t, z.source("srv", "web.test")); len(answer.Endpoints) != 1000 || len(answer.Dropped) > 0 || err != nil {
		t.Errorf("got %d endpoints, dropped %v, %v", len(answer.Endpoints), answer.Dropped, err)
	}
}

func TestAnAnswerThatIsTruncatedOverTCPIsAnError(t *testing.T) {
	z := serve(t, "web.test. 30 A 10.0.0.1")
	z.fail(func(_ dns.ResponseWriter, _, reply *dns.Msg) bool { reply.Truncated = true; return false })
	if _, _, err := look(t, z.source("a", "web.test")); err == nil || !strings.Contains(err.Error(), "truncated, and over TCP: truncated, too") {
		t.Errorf("got %v", err)
	}
}

func TestALookUpWithoutAnAnswerEndsWithItsContext(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Run("run", func(t *testing.T) {
		for _, truncated := range []bool{false, true} { // silence over UDP, and over TCP
			z := serve(t)
			asked := make(chan struct{}, 10)
			z.fail(func(w dns.ResponseWriter, _, reply *dns.Msg) bool {
				if reply.Truncated = truncated; truncated && w.LocalAddr().Network() == "udp" {
					return false
				}
				asked <- struct{}{}
				return true
			})
			s := z.source("a", "web.test")
			s.Timeout = caddy.Duration(time.Hour)
			if err := s.Provision(caddy.Context{}); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-asked; cancel() }()
			if err := s.Run(ctx, func(discovery.Answer) { t.Error("reported something") }); err == nil {
				t.Error("ended without an error")
			}
		}
	})
	leaktest.WantNone(t, before)
}
