package etcd

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

// start runs a source with a short interval until the test ends. It checks that no list was
// authoritative.
func start(t *testing.T, s *Source) *sourcetest.Running {
	t.Helper()
	return startChecking(t, s, 100*time.Millisecond)
}

// startChecking is start with an interval between checks of the revision.
func startChecking(t *testing.T, s *Source, interval time.Duration) *sourcetest.Running {
	t.Helper()
	if s.Prefix == "" {
		s.Prefix = "web"
	}
	if s.Timeout == 0 {
		s.Timeout = caddy.Duration(patience) // a busy machine must cause no errors
	}
	if err := s.Provision(caddy.Context{Context: context.Background()}); err != nil {
		t.Fatal(err)
	}
	s.interval = interval
	running := sourcetest.Follow(t, s.Run)
	t.Cleanup(func() {
		for _, answer := range running.Reports() {
			if answer.Authoritative {
				t.Error("an answer was authoritative")
			}
		}
	})
	return running
}

func TestKeysThatComeChangeAndGoAreFollowed(t *testing.T) {
	etcd := startServer(t)
	etcd.put("web/a", "10.0.0.1:80")
	etcd.put("web-admin/a", "10.0.0.66:80")
	running := start(t, &Source{Endpoints: []string{etcd.address}})
	running.WantList("10.0.0.1:80")
	etcd.put("web/c", `{"address":"10.0.0.3:80","weight":3}`)
	etcd.put("web/b", `{"Op":0,"Addr":"10.0.0.2:80"}`)
	running.WantList("10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80")
	etcd.put("web/a", "10.0.0.9:80")
	running.WantList("10.0.0.9:80", "10.0.0.2:80", "10.0.0.3:80")
	etcd.put("web/b", "nonsense")
	if answer := running.WantList("10.0.0.9:80", "10.0.0.3:80"); len(answer.Dropped) != 1 || answer.Dropped[0].Key != "web/b" {
		t.Errorf("dropped %v; want web/b", answer.Dropped)
	}
	etcd.delete("web/a")
	etcd.delete("web/b")
	etcd.delete("web/c")
	if answer := running.WantList(); len(answer.Dropped) > 0 {
		t.Errorf("dropped %v; want none, because the key is deleted", answer.Dropped)
	}
	running.WantNoError()
}

func TestRegistrationsOfFrameworksAreFollowed(t *testing.T) {
	etcd := startServer(t)
	etcd.put("kitex/registry-etcd/web/10.0.0.1:8888", `{"network":"tcp","address":"10.0.0.1:8888","weight":66,"tags":{"hello":"world"}}`)
	kitex := start(t, &Source{Endpoints: []string{etcd.address}, Prefix: "kitex/registry-etcd/web", Format: "kitex"})
	answer := kitex.WantList("10.0.0.1:8888")
	if got := answer.Endpoints[0]; got.Weight != 66 || got.Metadata["hello"] != "world" {
		t.Errorf("got %+v", got)
	}
	etcd.put("/microservices/web/web-1", `{"id":"web-1","name":"web","version":"v1","metadata":null,"endpoints":["grpc://10.0.0.2:9000","http://10.0.0.2:8000"]}`)
	http := start(t, &Source{Endpoints: []string{etcd.address}, Prefix: "/microservices/web"})
	http.WantList("10.0.0.2:8000")
	grpc := start(t, &Source{Endpoints: []string{etcd.address}, Prefix: "/microservices/web", Scheme: "grpc"})
	grpc.WantList("10.0.0.2:9000")
	etcd.put("kitex/registry-etcd/web/10.0.0.3:8888", `{"network":"tcp","address":"10.0.0.3:8888","weight":10,"tags":null}`)
	kitex.WantList("10.0.0.1:8888", "10.0.0.3:8888")
	etcd.delete("/microservices/web/web-1")
	http.WantList()
}

func TestAPrefixWithoutKeysIsAnEmptyList(t *testing.T) {
	etcd := startServer(t)
	running := start(t, &Source{Endpoints: []string{etcd.address}})
	running.WantList()
	etcd.put("web/a", "10.0.0.1:80")
	running.WantList("10.0.0.1:80")
}

func TestAKeyGoesWithItsLease(t *testing.T) {
	etcd := startServer(t)
	lease, err := etcd.client.Grant(context.Background(), 3600)
	if err != nil {
		t.Fatal(err)
	}
	etcd.put("web/a", "10.0.0.1:80")
	etcd.put(fmt.Sprintf("web/b/%d", lease.ID), "10.0.0.2:80", clientv3.WithLease(lease.ID))
	running := start(t, &Source{Endpoints: []string{etcd.address}})
	list := running.WantList("10.0.0.1:80", "10.0.0.2:80").Endpoints
	if list[0].ID != "a" || list[1].ID != "" {
		t.Errorf("got the IDs %q and %q; want a and none", list[0].ID, list[1].ID)
	}
	// A lease that ends by itself might do so before the first list.
	etcd.must(func(ctx context.Context) error { _, err := etcd.client.Revoke(ctx, lease.ID); return err })
	running.WantList("10.0.0.1:80")
	running.WantNoError()
}

func TestACrashOfEtcdKeepsTheListAndMissesNothing(t *testing.T) {
	etcd := startServer(t)
	etcd.put("web/a", "10.0.0.1:80")
	running := start(t, &Source{Endpoints: []string{etcd.address}})
	running.WantList("10.0.0.1:80")
	etcd.kill()
	running.WantError("refused")
	running.WantNewest("10.0.0.1:80")
	etcd.start()
	etcd.put("web/b", "10.0.0.2:80")
	running.WantList("10.0.0.1:80", "10.0.0.2:80")
}

func TestAnEtcdThatComesBackEmptyIsNoticed(t *testing.T) {
	etcd := startServer(t)
	etcd.put("web/a", "10.0.0.1:80")
	etcd.put("web/b", "10.0.0.2:80")
	running := start(t, &Source{Endpoints: []string{etcd.address}})
	running.WantList("10.0.0.1:80", "10.0.0.2:80")
	etcd.kill()
	etcd.forget()
	etcd.start() // at revision 1, with the same ids of cluster and member
	running.WantList()
	etcd.put("web/c", "10.0.0.3:80")
	running.WantList("10.0.0.3:80")
}

// Neither a resumed watch nor a later check of the revision would notice that this etcd lost its
// state.
func TestAnEmptyEtcdThatOvertookItsOldRevisionIsNoticed(t *testing.T) {
	etcd := startServer(t)
	line := startLine(t, etcd.address)
	etcd.put("web/a", "10.0.0.1:80")
	running := start(t, &Source{Endpoints: []string{line.address}})
	running.WantList("10.0.0.1:80")
	line.cut()
	etcd.kill()
	etcd.forget()
	etcd.start()
	for range 10 {
		etcd.put("web/b", "10.0.0.2:80")
	}
	line.mend()
	running.WantList("10.0.0.2:80")
}

func TestChangesCompactedDuringAnOutageAreListed(t *testing.T) {
	etcd := startServer(t)
	line := startLine(t, etcd.address)
	etcd.put("web/a", "10.0.0.1:80")
	// A check that is under way would report the outage with other words.
	running := startChecking(t, &Source{Endpoints: []string{line.address}}, time.Hour)
	running.WantList("10.0.0.1:80")
	line.cut()
	running.WantError("watching web/: rpc error: code = Aborted desc = the connection broke")
	etcd.put("web/b", "10.0.0.2:80")
	etcd.delete("web/a")
	etcd.compact()
	line.mend()
	running.WantList("10.0.0.2:80")
}

func TestAConnectionThatGoesSilentIsNoticed(t *testing.T) {
	etcd := startServer(t)
	line := startLine(t, etcd.address)
	etcd.put("web/a", "10.0.0.1:80")
	running := start(t, &Source{Endpoints: []string{line.address}, Timeout: caddy.Duration(2 * time.Second)})
	running.WantList("10.0.0.1:80")
	line.freeze()
	running.WantError("watching web/: no answer within 2s")
	running.WantError("listing web/: no answer within 2s")
	etcd.put("web/b", "10.0.0.2:80")
	line.mend()
	running.WantList("10.0.0.1:80", "10.0.0.2:80")
}

func TestOneMemberOfSeveralIsEnough(t *testing.T) {
	etcd := startServer(t)
	etcd.put("web/a", "10.0.0.1:80")
	running := start(t, &Source{Endpoints: []string{caddytest.FreeAddress(t), etcd.address}})
	running.WantList("10.0.0.1:80")
	running.WantNoError()
}

func TestTenThousandKeysAreAFewPagesAndAFewLists(t *testing.T) {
	etcd := startServer(t)
	const n = 10_000
	etcd.fill(n / 2)
	running := start(t, &Source{Endpoints: []string{etcd.address}})
	has := func(n int) func(discovery.Answer) bool {
		return func(a discovery.Answer) bool { return len(a.Endpoints) == n }
	}
	running.Want("the first half", has(n/2))
	etcd.fill(n)
	running.Want("all keys", has(n))
	if lists := running.Lists(); lists >= n/20 {
		t.Errorf("reported %d lists; want less than %d", lists, n/20)
	}
	running.WantNoError()
}

func TestLargeValuesAreDroppedAlone(t *testing.T) {
	etcd := startServer(t)
	huge := strings.Repeat("x", 1<<20)
	for i := range 20 { // more than etcd may answer at once
		etcd.put(fmt.Sprintf("web/huge-%02d", i), huge)
	}
	etcd.put("web/z", "10.0.0.1:80")
	running := start(t, &Source{Endpoints: []string{etcd.address}})
	if answer := running.WantList("10.0.0.1:80"); len(answer.Dropped) != 20 {
		t.Errorf("dropped %d values; want 20", len(answer.Dropped))
	}
	running.WantNoError()
}
