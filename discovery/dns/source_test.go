package dns

import (
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/goleak"

	"github.com/caddy-balance/caddy-balance/internal/leaktest"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

func TestSRVRecordsBecomeEndpointsWithTheirWeightsAndPriorities(t *testing.T) {
	z := serve(t,
		"_http._tcp.web.test. 30 SRV 0 3 8080 a.web.test.",
		"_http._tcp.web.test. 30 SRV 10 1 8081 B.web.test.",
		"a.web.test. 60 A 10.0.0.1",
		"b.web.test. 60 A 10.0.0.2",
	)
	wantLook(t, z.source("srv", "_http._tcp.web.test"),
		"10.0.0.1:8080 weight 3 priority 0 id a.web.test:8080",
		"10.0.0.2:8081 weight 1 priority 10 id b.web.test:8081",
	)
	if got, want := z.questions(), "_http._tcp.web.test. SRV udp"; got != want {
		t.Errorf("asked %s; want %s, since the additional section has the addresses", got, want)
	}
}

func TestTargetsWithoutAdditionalRecordsAreLookedUp(t *testing.T) {
	z := serve(t,
		"web.test. 30 SRV 0 1 8080 a.other.",
		"web.test. 30 SRV 0 1 8081 a.other.",
		"a.other. 60 CNAME b.other.",
		"b.other. 60 AAAA 2001:db8::1",
		"other. 60 SOA ns.other. me.other. 1 1 1 1 60",
	)
	s := z.source("srv", "web.test.")
	s.IP = "ipv6"
	wantLook(t, s,
		"[2001:db8::1]:8080 weight 1 priority 0 id a.other:8080",
		"[2001:db8::1]:8081 weight 1 priority 0 id a.other:8081",
	)
	if got, want := z.questions(), "web.test. SRV udp, a.other. AAAA udp"; got != want {
		t.Errorf("asked %s; want %s", got, want)
	}
}

func TestAddressesBecomeEndpointsOfOnePort(t *testing.T) {
	z := serve(t, "web.test. 30 A 10.0.0.1", "web.test. 20 A 10.0.0.2", "web.test. 10 AAAA 2001:db8::1")
	for ip, want := range map[string][]string{
		"ipv4": {"10.0.0.1:80 weight 1 priority 0", "10.0.0.2:80 weight 1 priority 0"},
		"ipv6": {"[2001:db8::1]:80 weight 1 priority 0"},
		"":     {"10.0.0.1:80 weight 1 priority 0", "10.0.0.2:80 weight 1 priority 0", "[2001:db8::1]:80 weight 1 priority 0"},
	} {
		s := z.source("a", "web.test")
		s.IP = ip
		wantLook(t, s, want...)
	}
}

func TestNamesMayBeKeptAsAddresses(t *testing.T) {
	z := serve(t, "web.test. 30 SRV 0 3 443 A.web.test.", "a.web.test. 60 A 10.0.0.1")
	s := z.source("srv", "web.test")
	s.KeepNames = true
	wantLook(t, s, "a.web.test:443 weight 3 priority 0")
}

func TestATargetOfADotEmptiesTheListAtOnce(t *testing.T) {
	z := serve(t, "web.test. 30 SRV 0 0 0 .")
	if answer := wantLook(t, z.source("srv", "web.test")); !answer.Authoritative {
		t.Error("the answer is not authoritative")
	}
	z.set("web.test. 30 SRV 0 0 0 .", "web.test. 30 SRV 0 0 80 a.web.test.", "a.web.test. 30 A 10.0.0.1")
	answer := wantLook(t, z.source("srv", "web.test"), "10.0.0.1:80 weight 1 priority 0 id a.web.test:80")
	sourcetest.WantDropped(t, answer, ":0: target: has no address")
}

func TestNoSuchNameAndNoSuchRecordAreEmptyAnswers(t *testing.T) {
	z := serve(t, "web.test. 30 TXT there", "alias.test. 30 CNAME gone.test.", "test. 300 SOA ns.test. me.test. 1 1 1 1 20")
	for _, name := range []string{"web.test", "none.test", "alias.test"} {
		for _, kind := range []string{"a", "srv"} {
			answer, ttl, err := look(t, z.source(kind, name))
			if err != nil || answer.Endpoints == nil || len(answer.Endpoints) > 0 || answer.Authoritative || ttl != 20 {
				t.Errorf("%s %s: got %+v for %d s, %v", kind, name, answer, ttl, err)
			}
		}
	}
}

func TestTheSmallestTTLOfAllRecordsCounts(t *testing.T) {
	for want, records := range map[uint32][]string{
		30: {"web.test. 30 SRV 0 1 80 a.web.test.", "a.web.test. 60 A 10.0.0.1"},
		20: {"web.test. 30 SRV 0 1 80 a.web.test.", "a.web.test. 20 A 10.0.0.1"},
		10: {"web.test. 10 CNAME b.test.", "b.test. 30 SRV 0 1 80 a.web.test.", "a.web.test. 20 A 10.0.0.1"},
		5:  {"web.test. 30 SRV 0 1 80 a.other.", "a.other. 5 CNAME b.other.", "b.other. 20 A 10.0.0.1"},
		0:  {"web.test. 30 SRV 0 1 80 a.web.test.", "web.test. 0 SRV 0 1 81 a.web.test.", "a.web.test. 60 A 10.0.0.1"},
	} {
		s := serve(t, records...).source("srv", "web.test")
		s.IP = "ipv4"
		if _, ttl, err := look(t, s); ttl != want || err != nil {
			t.Errorf("%q: got %d, %v; want %d", records, ttl, err, want)
		}
	}
}

func TestASourceFollowsAZoneThatChanges(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Run("run", func(t *testing.T) {
		z := serve(t, "web.test. 0 A 10.0.0.1")
		s := z.source("a", "web.test")
		s.MinRefresh = caddy.Duration(100 * time.Millisecond)
		running := sourcetest.Start(t, s)
		running.WantList("10.0.0.1:80")
		z.set("web.test. 0 A 10.0.0.1", "web.test. 0 A 10.0.0.2")
		running.WantList("10.0.0.1:80", "10.0.0.2:80")
		z.set()
		running.WantList()
		z.set("web.test. 0 A 10.0.0.3")
		running.WantList("10.0.0.3:80")
		z.failWith(2)
		running.WantError("SERVFAIL")
	})
	leaktest.WantNone(t, before)
}
