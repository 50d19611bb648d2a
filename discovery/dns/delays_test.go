package dns

import (
	"context"
	"fmt"
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

// silentFor makes the zone give no answer to some questions, and leaves all additional sections
// empty.
func (z *zone) silentFor(silent func(q dns.Question) bool) {
	z.fail(func(_ dns.ResponseWriter, query, reply *dns.Msg) bool {
		reply.Extra = nil
		return silent(query.Question[0])
	})
}

// follow runs a source for which requests wait.
func follow(t *testing.T, s *Source) *sourcetest.Running {
	t.Helper()
	if err := s.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	return sourcetest.Follow(t, func(ctx context.Context, report discovery.Report) error {
		return s.Run(discovery.WithFirstListBy(ctx, time.Now().Add(50*time.Millisecond)), report)
	})
}

func TestWhatIsKnownIsReportedWhileAAAAIsSilent(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Run("run", func(t *testing.T) {
		first, second := serve(t, "web.test. 30 A 10.0.0.1"), serve(t, "web.test. 30 A 10.0.0.1")
		first.silentFor(isAAAA)
		second.silentFor(isAAAA)
		s := first.source("a", "web.test")
		s.Resolvers, s.Timeout = []string{first.address, second.address}, caddy.Duration(time.Hour)
		part := follow(t, s).WantList("10.0.0.1:80")
		if !part.Partial {
			t.Error("the list counts as whole")
		}
		sourcetest.WantDropped(t, part, "web.test: its addresses are not complete yet")
	})
	leaktest.WantNone(t, before)
}

func TestWhatIsKnownIsReportedWhileTargetsAreSilent(t *testing.T) {
	var records []string
	for i := range 200 {
		target := fmt.Sprintf("n%d.other.", i)
		records = append(records, fmt.Sprintf("web.test. 30 SRV 0 1 %d %s", 8000+i, target), target+" 30 A 10.0.0.1")
	}
	for name, silent := range map[string]func(q dns.Question) bool{
		"AAAA":     isAAAA,
		"a target": func(q dns.Question) bool { return q.Name == "n7.other." },
	} {
		t.Run(name, func(t *testing.T) {
			z := serve(t, records...)
			z.silentFor(silent)
			s := z.source("srv", "web.test")
			s.Timeout = caddy.Duration(time.Hour)
			follow(t, s).Want("a part of 199 at least", func(a discovery.Answer) bool {
				return a.Partial && len(a.Endpoints) >= 199
			})
		})
	}
}

func TestNothingIsReportedEarlyOnceThereIsAList(t *testing.T) {
	z := serve(t, "web.test. 0 A 10.0.0.1", "web.test. 0 AAAA 2001:db8::1")
	s := z.source("a", "web.test")
	wantLook(t, s, "10.0.0.1:80 weight 1 priority 0", "[2001:db8::1]:80 weight 1 priority 0")
	s.Timeout = ofSilence
	z.silentFor(isAAAA)
	z.set("web.test. 0 A 10.0.0.2")
	if err := s.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	answer, _, err := s.lookUp(discovery.WithFirstListBy(t.Context(), time.Now()), func(a discovery.Answer) {
		t.Errorf("reported %+v", a)
	})
	if err != nil {
		t.Fatal(err)
	}
	sourcetest.WantEndpoints(t, answer, "10.0.0.2:80 weight 1 priority 0", "[2001:db8::1]:80 weight 1 priority 0")
}

func TestAQuestionThatFailedDelaysOthersByOneTimeoutAtMost(t *testing.T) {
	first, second := serve(t, "web.test. 30 A 10.0.0.1"), serve(t, "web.test. 30 A 10.0.0.1")
	var asked atomic.Int32
	for _, z := range []*zone{first, second} {
		z.silentFor(func(q dns.Question) bool {
			if isAAAA(q) {
				asked.Add(1)
			}
			return isAAAA(q)
		})
	}
	s := first.source("a", "web.test")
	s.Resolvers, s.Timeout = []string{first.address, second.address}, ofSilence/2 // A is asked for four times
	for i, want := range []int32{rounds * 2, 2, 2} {
		asked.Store(0)
		wantLook(t, s, "10.0.0.1:80 weight 1 priority 0")
		if got := asked.Load(); got != want {
			t.Errorf("look-up %d: asked %d times for AAAA; want %d", i+1, got, want)
		}
	}
	first.silentFor(isAAAA)
	second.silentFor(func(dns.Question) bool { return false })
	second.set("web.test. 30 A 10.0.0.1", "web.test. 30 AAAA 2001:db8::1")
	s.Timeout = patient // the first answer ends the wait for the other server
	wantLook(t, s, "10.0.0.1:80 weight 1 priority 0", "[2001:db8::1]:80 weight 1 priority 0")
}

func TestAServerThatIsSilentIsAskedAfterTheOthers(t *testing.T) {
	silent, good := serve(t), serve(t, "web.test. 30 A 10.0.0.1")
	silent.fail(func(dns.ResponseWriter, *dns.Msg, *dns.Msg) bool { return true })
	s := good.source("a", "web.test")
	s.IP, s.Resolvers, s.Timeout = "ipv4", []string{silent.address, good.address}, ofSilence
	for range 3 {
		wantLook(t, s, "10.0.0.1:80 weight 1 priority 0")
		s.Timeout = patient // the silent server is not asked again
	}
	if got, want := silent.questions(), "web.test. A udp"; got != want {
		t.Errorf("asked the silent server %s; want %s", got, want)
	}
	good.failWith(dns.RcodeServerFailure)
	silent.fail(nil)
	silent.set("web.test. 30 A 10.0.0.2")
	wantLook(t, s, "10.0.0.2:80 weight 1 priority 0")
}

// Of 1000 targets without an answer, 64 at a time would take half a minute, and this one 3 s.
func TestManyQuestionsWithoutAnAnswerTakeNoLongerThanOne(t *testing.T) {
	records := []string{"n0.other. 30 A 10.0.0.1"}
	for i := range 1000 {
		records = append(records, fmt.Sprintf("web.test. 30 SRV 0 1 %d n%d.other.", 8000+i, i))
	}
	z := serve(t, records...)
	z.silentFor(func(q dns.Question) bool { return q.Qtype != dns.TypeSRV && q.Name != "n0.other." })
	s := z.source("srv", "web.test")
	s.IP, s.Timeout = "ipv4", ofSilence
	began := time.Now()
	answer, _, err := look(t, s)
	if took := time.Since(began); took > 25*time.Second || err != nil {
		t.Errorf("took %s, %v", took, err)
	}
	sourcetest.WantEndpoints(t, answer, "10.0.0.1:8000 weight 1 priority 0 id n0.other:8000")
	if len(answer.Dropped) != 999 {
		t.Errorf("dropped %d; want 999", len(answer.Dropped))
	}
}
