package dns

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/miekg/dns"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

// sixty returns 60 address records of a name, which are more than a query asks for.
func sixty(name string) []string {
	var records []string
	for i := range 60 {
		records = append(records, fmt.Sprintf("%s 30 A 10.0.0.%d", name, i+1))
	}
	return records
}

// sendWhole answers with all records over UDP, whatever the query asks for. cut changes the packet.
func (z *zone) sendWhole(cut func(packet []byte) []byte) {
	z.fail(func(w dns.ResponseWriter, query, _ *dns.Msg) bool {
		if w.LocalAddr().Network() != "udp" {
			return false
		}
		reply := z.reply(query)
		reply.Compress = false
		packet, err := reply.Pack()
		if err != nil {
			z.t.Error(err)
		}
		_, _ = w.Write(cut(packet))
		return true
	})
}

func (z *zone) wantSixty(s *Source) {
	z.t.Helper()
	s.IP = "ipv4"
	if answer, _, err := look(z.t, s); len(answer.Endpoints) != 60 || err != nil {
		z.t.Errorf("got %d endpoints, %v; want 60", len(answer.Endpoints), err)
	}
}

func TestAnAnswerThatIsLargerThanAskedForIsReadWhole(t *testing.T) {
	for padding := range 17 { // for some, the size asked for lies between two records
		name := strings.Repeat("x", padding) + "web.test."
		z := serve(t, sixty(name)...)
		z.sendWhole(func(packet []byte) []byte { return packet })
		z.wantSixty(z.source("a", name))
		if got, want := z.questions(), name+" A udp"; got != want {
			t.Errorf("asked %s; want %s", got, want)
		}
	}
}

// A firewall may cut datagrams, which leaves no sign but the counts in the header.
func TestAnAnswerThatWasCutIsAskedForOverTCP(t *testing.T) {
	z := serve(t, sixty("web.test.")...)
	z.sendWhole(func(packet []byte) []byte { return packet })
	for size := 26; size < 26+61*24; size += 8 { // each third size lies between two records
		z.sendWhole(func(packet []byte) []byte { return packet[:min(size, len(packet)-1)] })
		z.wantSixty(z.source("a", "web.test"))
	}
}

func TestAddressesOfAnAdditionalSectionThatWasCutAreAskedFor(t *testing.T) {
	records := []string{"web.test. 30 SRV 0 1 80 a.web.test."}
	for i := range 10 {
		records = append(records, fmt.Sprintf("a.web.test. 30 A 10.0.0.%d", i+1))
	}
	z := serve(t, records...)
	z.fail(func(w dns.ResponseWriter, query, reply *dns.Msg) bool {
		if query.Question[0].Qtype != dns.TypeSRV {
			return false
		}
		packet, err := reply.Pack()
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(packet[:len(packet)-5*dns.Len(reply.Extra[0])]) // five of ten are left
		return true
	})
	s := z.source("srv", "web.test")
	s.IP = "ipv4"
	if answer, _, err := look(t, s); len(answer.Endpoints) != 10 || err != nil {
		t.Errorf("got %d endpoints, %v; want 10", len(answer.Endpoints), err)
	}
}

// run provisions a source and runs it once. It returns the reports and the error.
func run(t *testing.T, s *Source) (reports []discovery.Answer, err error) {
	t.Helper()
	if err := s.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err = s.Run(ctx, func(a discovery.Answer) {
		reports = append(reports, a)
		if !a.Partial {
			cancel()
		}
	})
	return reports, err
}

func TestATruncatedAnswerWithoutTCPIsAPart(t *testing.T) {
	srv := sixty("a.other.")
	for i := range 60 {
		srv = append(srv, fmt.Sprintf("web.test. 30 SRV 0 1 %d n%d.other.", 8000+i, i), fmt.Sprintf("n%d.other. 30 A 10.0.0.1", i))
	}
	for kind, records := range map[string][]string{"a": append(sixty("web.test."), sixty("web.test.")...), "srv": srv} {
		for name, silent := range map[string]bool{"refused": false, "silent": true} {
			t.Run(kind+" "+name, func(t *testing.T) {
				z := serve(t, "web.test. 30 A 10.0.0.99", "web.test. 30 SRV 0 1 99 n.other.", "n.other. 30 A 10.0.0.1")
				s := z.source(kind, "web.test")
				s.IP = "ipv4"
				if silent {
					s.Timeout = ofSilence
					z.fail(func(w dns.ResponseWriter, _, _ *dns.Msg) bool { return w.LocalAddr().Network() == "tcp" })
				} else {
					z.refuseTCP()
				}
				whole := *s
				before, _ := run(t, &whole)
				if len(before) != 1 || before[0].Partial || len(before[0].Endpoints) != 1 {
					t.Fatalf("before: got %+v", before)
				}

				z.set(records...)
				reports, err := run(t, s)
				if err == nil || !strings.Contains(err.Error(), "answer is truncated, and over TCP: ") {
					t.Errorf("got %v", err)
				}
				if len(reports) != 1 || !reports[0].Partial || len(reports[0].Endpoints) < 20 {
					t.Errorf("without a list: got %+v; want the part that came", reports)
				}
				if reports, err := run(t, &whole); len(reports) > 0 || err == nil {
					t.Errorf("with a list: got %+v, %v; want an error, so that the list stays", reports, err)
				}
			})
		}
	}
}

func TestASilentTCPCostsOneTimeoutForAllTargets(t *testing.T) {
	records := []string{}
	for i := range 200 {
		target := fmt.Sprintf("n%d.other.", i)
		records = append(records, fmt.Sprintf("web.test. 30 SRV 0 1 %d %s", 8000+i, target), target+" 30 A 10.0.0.1")
	}
	z := serve(t, records...)
	z.fail(func(w dns.ResponseWriter, query, reply *dns.Msg) bool {
		if query.Question[0].Qtype == dns.TypeSRV {
			return false
		}
		reply.Truncated = true
		return w.LocalAddr().Network() == "tcp"
	})
	s := z.source("srv", "web.test")
	s.IP, s.Timeout = "ipv4", ofSilence
	began := time.Now()
	answer, _, err := look(t, s)
	if took := time.Since(began); took > time.Minute { // 200 timeouts are 200 s
		t.Errorf("took %s", took)
	}
	if err != nil || len(answer.Endpoints) != 200 {
		t.Errorf("got %d endpoints, %v", len(answer.Endpoints), err)
	}
}

func TestATruncatedTargetKeepsItsLastAddresses(t *testing.T) {
	z := serve(t, "web.test. 30 SRV 0 1 80 a.other.", "web.test. 30 SRV 0 1 80 b.other.", "a.other. 30 A 10.0.0.1", "b.other. 30 A 10.0.0.2")
	s := z.source("srv", "web.test")
	s.IP = "ipv4"
	wantLook(t, s, "10.0.0.1:80 weight 1 priority 0 id a.other:80", "10.0.0.2:80 weight 1 priority 0 id b.other:80")
	z.refuseTCP()
	z.set("web.test. 30 SRV 0 1 80 a.other.", "web.test. 30 SRV 0 1 80 b.other.", "a.other. 30 A 10.0.0.7", "b.other. 30 A 10.0.0.8")
	z.fail(func(_ dns.ResponseWriter, query, reply *dns.Msg) bool {
		reply.Truncated, reply.Extra = query.Question[0].Name == "b.other.", nil
		return false
	})
	answer := wantLook(t, s, "10.0.0.2:80 weight 1 priority 0 id b.other:80", "10.0.0.7:80 weight 1 priority 0 id a.other:80")
	sourcetest.WantDropped(t, answer, "b.other: its last addresses stay: b.other. A: "+z.address+": answer is truncated, and over TCP: connect: connection refused")
}

func TestTheOptionTCPAsksOverTCPFromTheStart(t *testing.T) {
	z := serve(t, "web.test. 30 A 10.0.0.1")
	s := z.source("a", "web.test")
	s.IP, s.TCP = "ipv4", true
	wantLook(t, s, "10.0.0.1:80 weight 1 priority 0")
	if got, want := z.questions(), "web.test. A tcp"; got != want {
		t.Errorf("asked %s; want %s", got, want)
	}
}
