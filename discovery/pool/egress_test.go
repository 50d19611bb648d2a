package pool

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/egress"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// trustedSource is a source whose list is not from a network.
type trustedSource struct{ scriptedSource }

func (trustedSource) Trusted() {}

// rulesFor are those of a pool in a Caddy with its admin endpoint at localhost:2019.
func rulesFor(t *testing.T, allow, deny string, sites ...string) *egress.Rules {
	t.Helper()
	own := egress.NewListeners([]string{"localhost:2019"}, sites)
	rules, err := egress.New(strings.Fields(allow), strings.Fields(deny), own)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// withRules runs a test on a pool of one source with rules.
func withRules(t *testing.T, rules *egress.Rules, test func(f *fixture, s scriptedSource)) {
	inVirtualTime(t, defaultSettings(), func(f *fixture) {
		f.egress = rules
		s := make(scriptedSource)
		f.start(s)
		test(f, s)
	})
}

// reloadWith loads a config with the same definition and other rules.
func (f *fixture) reloadWith(rules *egress.Rules) {
	f.Helper()
	claim, err := endpoint.Acquire(endpoint.Definition{
		Config: new(int), Name: f.Name(), Text: f.text,
		Owner: endpoint.Owner{Logger: f.roster.Logger(), Storage: f.storage, Egress: rules},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.claim.Release()
	f.claim = claim
	sleepAndSettle(time.Millisecond)
}

func (f *fixture) wantAddresses(want string) {
	f.Helper()
	var got []string
	for _, m := range f.roster.Snapshot().Members {
		got = append(got, m.Address())
	}
	if text := strings.Join(got, " "); text != want {
		f.Errorf("the pool has %q; want %q", text, want)
	}
}

var hostile = []string{
	"10.0.0.7:80", "127.0.0.1:2019", "169.254.169.254:80", "10.0.0.8:80", "unix//var/run/docker.sock", "web.internal:80",
	"[fe80::1%eth0]:80", "localhost:2019",
}

func TestARegistryCannotNameWhatThePoolRefuses(t *testing.T) {
	withRules(t, rulesFor(t, "", ""), func(f *fixture, s scriptedSource) {
		s.lists(hostile...)
		f.wantAddresses("10.0.0.7:80 10.0.0.8:80 web.internal:80")
		line := f.wantLogged("discovery: endpoints were refused", 1)[0].ContextMap()
		if line["refused"] != int64(5) || line["source"] != "scripted" {
			t.Errorf("logged %v", line)
		}
		first := line["first"].([]any)
		want := "127.0.0.1:2019: address: 127.0.0.1:2019 is the admin endpoint of this Caddy"
		if len(first) != maxListed || first[0] != want {
			t.Errorf("first are %q; want %s", first, want)
		}
		status := f.wantState(1, endpoint.SourceLive)
		if status.Entries != 3 || status.Dropped != 5 || status.FirstDropped[1].Reason !=
			"address: 169.254.169.254 is the address of a metadata service" {
			t.Errorf("status is %+v", status)
		}

		s.lists(hostile...) // the same again
		s.lists("10.0.0.7:80", "127.0.0.1:2019")
		s.lists("10.0.0.7:80")
		s.lists("10.0.0.7:80", "127.0.0.1:2019")
		f.wantLogged("discovery: endpoints were refused", 3)
	})
}

func TestATrustedSourceMayNameAnyAddress(t *testing.T) {
	inVirtualTime(t, defaultSettings(), func(f *fixture) {
		f.egress = rulesFor(t, "10.0.0.0/8", "10.0.0.0/8")
		trusted, other := make(scriptedSource), make(scriptedSource)
		f.start(trustedSource{trusted}, other)
		trusted.lists(hostile...)
		other.lists("169.254.169.254:80", "192.0.2.1:80", "10.0.0.9:80")
		f.wantAddresses("10.0.0.7:80 10.0.0.8:80 127.0.0.1:2019 169.254.169.254:80 [fe80::1%eth0]:80 " +
			"localhost:2019 unix//var/run/docker.sock web.internal:80")
		if rules, known := f.roster.EgressFor("169.254.169.254:80"); !known || rules != nil {
			t.Error("connections to an endpoint of a trusted source are judged")
		}
	})
}

func TestWhatARegistryNamesIsJudgedAtConnectionsUntilItIsForgotten(t *testing.T) {
	rules := rulesFor(t, "", "")
	withRules(t, rules, func(f *fixture, s scriptedSource) {
		s.listsAuthoritatively("web.internal:80", "10.0.0.7:80")
		s.listsAuthoritatively("10.0.0.7:80")
		for address, want := range map[string]bool{"10.0.0.7:80": true, "web.internal:80": true, "10.0.0.8:80": false} {
			if got, known := f.roster.EgressFor(address); known != want || want && got != rules {
				t.Errorf("%s: got %v, %v", address, got, known)
			}
		}
	})
}

func TestAStoredListIsJudged(t *testing.T) {
	inVirtualTime(t, defaultSettings(), func(f *fixture) {
		f.egress = rulesFor(t, "", "10.0.0.8")
		f.storage.Put(f.origin().Key("a"), `{"version":1,"from":{"instance":"one","pool":"`+f.Name()+`","source":"scripted"},`+
			`"time":"1999-12-31T23:00:00Z","endpoints":[`+
			`{"address":"10.0.0.7:80","weight":1},{"address":"10.0.0.8:80","weight":1},{"address":"unix//a","weight":1}]}`)
		f.start(make(scriptedSource))
		sleepAndSettle(firstAnswerHeadStart)
		f.wantAddresses("10.0.0.7:80")
	})
}

func TestTheListOfThePreviousDefinitionIsJudged(t *testing.T) {
	inVirtualTime(t, defaultSettings(), func(f *fixture) {
		kept, trusted, replaced := make(scriptedSource), make(scriptedSource), make(scriptedSource)
		f.start(kept, trustedSource{trusted}, replaced)
		kept.lists("10.0.0.7:80", "10.0.0.8:80")
		trusted.lists("10.0.0.9:80")
		replaced.lists("10.1.0.7:80", "10.1.0.8:80")
		f.egress = rulesFor(t, "", "10.0.0.8 10.0.0.9 10.1.0.8")
		f.load(sourceRef{source: kept, name: "scripted", position: 1, key: "a"},
			sourceRef{source: trustedSource{trusted}, name: "scripted", position: 2, key: "b"},
			sourceRef{source: make(scriptedSource), name: "scripted", position: 3, key: "new"})
		f.wantAddresses("10.0.0.7:80 10.0.0.9:80 10.1.0.7:80")
	})
}

func TestAReloadWithOtherListenersJudgesTheListsAgain(t *testing.T) {
	withRules(t, rulesFor(t, "", ""), func(f *fixture, s scriptedSource) {
		s.lists("10.0.0.7:80", "127.0.0.1:8080")
		f.wantAddresses("10.0.0.7:80 127.0.0.1:8080")
		f.reloadWith(rulesFor(t, "", "", ":8080"))
		f.wantAddresses("10.0.0.7:80")
		f.reloadWith(rulesFor(t, "", "", ":8080"))
		f.wantLogged("discovery: endpoints were refused", 1)
		f.reloadWith(rulesFor(t, "", "", ":8081"))
		f.wantAddresses("10.0.0.7:80 127.0.0.1:8080")
	})
}

// A loss that the rules cause takes effect at once: the registry has not lost anything.
func TestTheLossGuardDoesNotHoldBackARefusal(t *testing.T) {
	withRules(t, rulesFor(t, "", ""), func(f *fixture, s scriptedSource) {
		s.lists("127.0.0.1:8080")
		f.reloadWith(rulesFor(t, "", "", ":8080"))
		f.wantAddresses("")
	})
}

func TestRefusedEndpointsAreJudgedAgainWithoutANewAnswer(t *testing.T) {
	address := caddytest.FreeAddress(t)
	withRules(t, rulesFor(t, "", ""), func(f *fixture, s scriptedSource) {
		parsed, err := caddy.ParseNetworkAddress(address)
		if err != nil {
			t.Fatal(err)
		}
		plugin, err := parsed.Listen(context.Background(), 0, net.ListenConfig{})
		if err != nil {
			t.Fatal(err)
		}
		s.lists("10.0.0.7:80", address)
		f.wantAddresses("10.0.0.7:80")
		if err := plugin.(net.Listener).Close(); err != nil {
			t.Fatal(err)
		}
		sleepAndSettle(judgeInterval)
		f.wantAddresses("10.0.0.7:80 " + address)
	})
}

func TestASourceCanAskWhetherAnAddressIsRefused(t *testing.T) {
	withRules(t, rulesFor(t, "", ""), func(f *fixture, _ scriptedSource) {
		asking := make(askingSource, 1)
		f.start(asking)
		ask := <-asking
		if err := ask("127.0.0.1:8080"); err != nil {
			t.Error(err)
		}
		if err := ask("127.0.0.1:2019"); err == nil {
			t.Error("the admin endpoint is not refused")
		}
		f.reloadWith(rulesFor(t, "", "", ":8080"))
		if err := ask("127.0.0.1:8080"); err == nil || !strings.Contains(err.Error(), "is a listener of this Caddy") {
			t.Errorf("got %v", err)
		}
	})
}

// askingSource hands out a function that asks the pool.
type askingSource chan func(address string) error

func (s askingSource) Run(ctx context.Context, _ discovery.Report) error {
	s <- func(address string) error { return discovery.CheckAddress(ctx, address) }
	<-ctx.Done()
	return nil
}
