package traffic

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// waitingSite proxies to a pool that waits for its first list. The upstreams are those to fall back
// to.
func waitingSite(l *listFile, wait, upstreams string) string {
	return fmt.Sprintf("reverse_proxy %s {\ndynamic pool web {\nsource file %s\ninitial_wait %s\n}\n}",
		upstreams, l.path, wait)
}

// awaitWaiting waits until n requests wait in a pool for its first list. The stacks of goroutines
// are the only place where that can be seen: a request that waits has no other effect.
func awaitWaiting(t *testing.T, n int) {
	t.Helper()
	stacks := make([]byte, 4<<20)
	eventually(t, fmt.Sprintf("%d requests wait for the first list", n), func() bool {
		waiting := 0
		for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			state, _, _ := strings.Cut(stack, "\n")
			if strings.Contains(state, "[select") && inPool.MatchString(stack) {
				waiting++
			}
		}
		return waiting == n
	})
}

// inPool matches the stack of a request that a pool handles.
var inPool = regexp.MustCompile(`discovery/pool\.\(\*\w+\)\.GetUpstreams\(`)

func TestTheFirstRequestsWaitForTheFirstList(t *testing.T) {
	fleet := startBackends(t, 1)
	list := newListFile(t)
	c := startProxy(t, waitingSite(list, "1h", "")).client()
	done := make(chan error)
	for range 5 {
		go func() { done <- getOne(c, 0) }()
	}
	awaitWaiting(t, 5)
	list.write(fleet...)
	for range 5 {
		if err := receive(t, done); err != nil {
			t.Error(err)
		}
	}
}

func TestRequestsThatWaitForTheFirstListSurviveAReload(t *testing.T) {
	for _, policy := range []string{
		roundRobin,
		"lb_policy adaptive_latency",
		"lb_policy bounded_load_hash {uri}",
		"lb_policy round_robin",
	} {
		t.Run(policy, func(t *testing.T) {
			fleet := startBackends(t, 1)
			list := newListFile(t)
			site := fmt.Sprintf("reverse_proxy {\ndynamic pool web {\nsource file %s\ninitial_wait 1h\n}\n%s\n%s}",
				list.path, policy, shortKeepalive)
			p := startProxy(t, site)
			done := make(chan error)
			for range 3 {
				go func() { done <- getOne(p.client(), 0) }()
			}
			awaitWaiting(t, 3)
			if err := p.reload(site, "respond other"); err != nil {
				t.Fatal(err)
			}
			list.write(fleet...)
			for range 3 {
				if err := receive(t, done); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestARequestWaitsNoLongerThanItsClient(t *testing.T) {
	c := startProxy(t, waitingSite(newListFile(t), "1h", "")).client()
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		request, _ := http.NewRequestWithContext(ctx, http.MethodGet, c.base, nil)
		_, err := c.do(request)
		done <- err
	}()
	awaitWaiting(t, 1)
	leave()
	if err := receive(t, done); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	eventually(t, "the request ends in Caddy too", func() bool {
		return logged.Count("the request ended while it waited") == 1
	})
}

func TestWithoutAListInTimeCaddyAnswers503AndTheLogSaysWhy(t *testing.T) {
	c := startProxy(t, waitingSite(newListFile(t), "50ms", "")).client()
	for range 3 {
		expectStatus(t, http.StatusServiceUnavailable)(c.get("/"))
	}
	if len(logged.With(`pool \"web\": no source has answered within 50ms`)) == 0 {
		t.Error("the log does not say why")
	}
	missing := func() int { return logged.Count("discovery failed", "no such file", `"pool":"web"`) }
	eventually(t, "the log says that the file is missing", func() bool { return missing() > 0 })
	if n := missing(); n != 1 {
		t.Errorf("the log says %d times that the file is missing", n)
	}
}

func TestWithoutAListInTimeStaticUpstreamsServe(t *testing.T) {
	fleet := startBackends(t, 2)
	list := newListFile(t)
	c := startProxy(t, waitingSite(list, "50ms", fleet[0].address)).client()
	for range 3 {
		if a := expectOK(t)(c.get("/")); a.backend != "b0" {
			t.Errorf("%s answered", a.backend)
		}
	}
	list.write(fleet[1])
	awaitBackends(t, c, fleet[1])
}

func TestAPoolThatBecomesEmptyAnswers503AndIsLoggedOnce(t *testing.T) {
	fleet := startBackends(t, 1)
	list := newListFile(t, fleet...)
	c := startProxy(t, list.site("")).client()
	expectOK(t)(c.get("/"))
	list.write()
	eventually(t, "the pool is empty", func() bool {
		a, err := c.get("/")
		return err == nil && a.status == http.StatusServiceUnavailable
	})
	for range 5 {
		expectStatus(t, http.StatusServiceUnavailable)(c.get("/"))
	}
	if n := len(logged.With(`"pool":"web"`, "of 0 endpoints 0 are usable")); n != 1 {
		t.Errorf("the log has %d lines about it, want 1", n)
	}
	list.write(fleet...)
	awaitBackends(t, c, fleet...)
}

func TestRequestsDoNotWaitForAPoolThatIsEmptyFromTheStart(t *testing.T) {
	list := newListFile(t)
	list.write()
	c := startProxy(t, waitingSite(list, "1h", "")).client()
	expectStatus(t, http.StatusServiceUnavailable)(c.get("/"))
}

func TestAfterAListWithAMistakeTheLastGoodListServes(t *testing.T) {
	fleet := startBackends(t, 2)
	list := newListFile(t, fleet...)
	c := startProxy(t, list.site(roundRobin)).client()
	awaitBackends(t, c, fleet...)
	list.write(&backend{address: "no port"})
	eventually(t, "the log reports the mistake", func() bool {
		return logged.Count("discovery failed", "list.json", `"endpoints":2`) == 1
	})
	awaitBackends(t, c, fleet...)
	list.write(fleet[1])
	awaitBackends(t, c, fleet[1])
}
