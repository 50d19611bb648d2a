package dns

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/miekg/dns"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

// searching is a source that looks up web in the domains a.test and b.test.
type searching struct {
	*testing.T
	*zone
	source *Source
}

// search returns one for a test of a fault. Only silence is worth a short time limit.
func search(t *testing.T, fault string, records ...string) searching {
	t.Helper()
	z := serve(t, records...)
	s := z.source("a", "web")
	if fault == "silence" {
		s.Timeout = ofSilence
	}
	if err := s.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	return searching{t, z, s}
}

// failIn makes the names of some domains fail.
func (s searching) failIn(fault func(reply *dns.Msg) (silent bool), domains ...string) {
	s.fail(func(_ dns.ResponseWriter, query, reply *dns.Msg) bool {
		for _, domain := range domains {
			if strings.HasSuffix(query.Question[0].Name, domain) {
				return fault(reply)
			}
		}
		return false
	})
}

func (s searching) look() (discovery.Answer, error) {
	early := func(discovery.Answer) { s.Error("reported something early") }
	return s.search(s.Context(), early)
}

func (s searching) search(ctx context.Context, report discovery.Report) (discovery.Answer, error) {
	answer, _, err := s.source.search(ctx, []string{"web.a.test.", "web.b.test.", "web."},
		s.source.serversAt([]string{s.address}), report)
	return answer, err
}

// follow reports what a search finds for which requests wait.
func (s searching) follow() *sourcetest.Running {
	return sourcetest.Follow(s.T, func(ctx context.Context, report discovery.Report) error {
		ctx = discovery.WithFirstListBy(ctx, time.Now().Add(50*time.Millisecond))
		answer, err := s.search(ctx, report)
		if err == nil {
			report(answer)
		}
		return err
	})
}

func (s searching) wantList(want ...string) {
	s.Helper()
	answer, err := s.look()
	if err != nil {
		s.Error(err)
	}
	if got := sourcetest.Addresses(answer.Endpoints); got != strings.Join(want, " ") {
		s.Errorf("got %s; want %s", got, want)
	}
}

// searchFaults are ways in which a server fails for one domain.
var searchFaults = map[string]func(reply *dns.Msg) (silent bool){
	"SERVFAIL": func(reply *dns.Msg) bool { reply.Rcode, reply.Answer = dns.RcodeServerFailure, nil; return false },
	"REFUSED":  func(reply *dns.Msg) bool { reply.Rcode, reply.Answer = dns.RcodeRefused, nil; return false },
	"NOTIMP":   func(reply *dns.Msg) bool { reply.Rcode, reply.Answer = dns.RcodeNotImplemented, nil; return false },
	"referral": func(reply *dns.Msg) bool { reply.Authoritative, reply.Answer = false, nil; return false },
	"silence":  func(*dns.Msg) bool { return true },
}

func TestASearchDomainThatFailsIsPassedOver(t *testing.T) {
	for name, fault := range searchFaults {
		t.Run(name, func(t *testing.T) {
			s := search(t, name, "web.b.test. 30 A 10.0.0.2")
			s.failIn(fault, "a.test.")
			for range 2 {
				s.wantList("10.0.0.2:80")
			}
		})
	}
}

func TestTheDomainThatTheListCameFromIsNotPassedOver(t *testing.T) {
	for name, fault := range searchFaults {
		t.Run(name, func(t *testing.T) {
			s := search(t, name, "web.a.test. 30 A 10.0.0.1", "web.b.test. 30 A 10.0.0.2")
			s.wantList("10.0.0.1:80")
			s.failIn(fault, "a.test.")
			if answer, err := s.look(); err == nil || len(answer.Endpoints) > 0 {
				t.Errorf("got %+v, %v; want an error", answer, err)
			}
			s.failIn(fault)
			s.set("web.b.test. 30 A 10.0.0.2") // it is gone there
			s.wantList("10.0.0.2:80")
			s.failIn(fault, "a.test.")
			s.wantList("10.0.0.2:80")
		})
	}
}

func TestASearchWithoutAnAnswerFailsIfOneDomainFails(t *testing.T) {
	for name, fault := range searchFaults {
		t.Run(name, func(t *testing.T) {
			s := search(t, name)
			s.failIn(fault, "a.test.")
			if answer, err := s.look(); err == nil || !strings.HasPrefix(err.Error(), "web.a.test. A: ") {
				t.Errorf("got %+v, %v; want the error of the domain", answer, err)
			}
			s.failIn(fault)
			s.wantList()
		})
	}
}

func TestADomainIsUsedWhileTheOneBeforeItIsSilent(t *testing.T) {
	for name, variant := range map[string]struct {
		set    func(*Source)
		record string
		want   string
	}{
		"addresses": {func(*Source) {}, "web.b.test. 30 A 10.0.0.2", "10.0.0.2:80"},
		"names": {
			func(s *Source) { s.Type, s.Port, s.KeepNames = "srv", 0, true },
			"web.b.test. 30 SRV 0 1 8080 one.test.", "one.test:8080",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := search(t, "", variant.record)
			variant.set(s.source)
			s.source.Timeout = caddy.Duration(time.Hour)
			s.failIn(searchFaults["silence"], "a.test.")
			part := s.follow().WantList(variant.want)
			if !part.Partial {
				t.Error("the list counts as whole")
			}
			if s.source.Type == "a" {
				sourcetest.WantDropped(t, part, "web.a.test: its addresses are not complete yet")
			}
		})
	}
}

func TestTheFirstDomainWinsAlthoughItAnswersLate(t *testing.T) {
	s := search(t, "", "web.a.test. 30 A 10.0.0.1", "web.b.test. 30 A 10.0.0.2")
	s.source.Timeout = 2 * ofSilence // the second question comes after the change below
	s.failIn(searchFaults["silence"], "a.test.")
	running := s.follow()
	if part := running.WantList("10.0.0.2:80"); !part.Partial {
		t.Error("the list counts as whole")
	}
	s.failIn(nil)
	if whole := running.WantList("10.0.0.1:80"); whole.Partial {
		t.Error("the list counts as a part")
	}
}
