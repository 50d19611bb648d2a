package traffic

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// waitingSite proxies to a pool that waits for its list; upstreams are those to fall back to.
func waitingSite(l *listFile, wait, upstreams string) string {
	return fmt.Sprintf("reverse_proxy %s {\ndynamic pool web {\nsource file %s\ninitial_wait %s\n}\n}", upstreams, l.path, wait)
}

func TestTheFirstRequestsWaitForTheFirstList(t *testing.T) {
	fleet := startBackends(t, 1)
	list := newListFile(t)
	c := startProxy(t, waitingSite(list, "1h", "")).client()
	done := make(chan error)
	for range 5 {
		go func() { done <- getOne(c, 0) }()
	}
	time.Sleep(50 * time.Millisecond)
	select {
	case err := <-done:
		t.Fatal("a request did not wait: ", err)
	default:
	}
	list.write(fleet...)
	for range 5 {
		if err := receive(t, done); err != nil {
			t.Error(err)
		}
	}
}

func TestRequestsThatWaitForTheFirstListSurviveAReload(t *testing.T) {
	for _, policy := range []string{roundRobin, "lb_policy adaptive_latency", "lb_policy bounded_load_hash {uri}", "lb_policy round_robin"} {
		t.Run(policy, func(t *testing.T) {
			fleet := startBackends(t, 1)
			list := newListFile(t)
			site := fmt.Sprintf("route {\nannounce\nreverse_proxy {\ndynamic pool web {\nsource file %s\ninitial_wait 1h\n}\n%s\n%s}\n}", list.path, policy, shortKeepalive)
			p := startProxy(t, site)
			done := make(chan error)
			for range 3 {
				go func() { done <- getOne(p.client(), 0) }()
				receive(t, announced)
			}
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
	p := startProxy(t, waitingSite(newListFile(t), "1h", ""))
	c := p.client()
	ctx, leave := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer leave()
	request, _ := http.NewRequestWithContext(ctx, http.MethodGet, c.base, nil)
	if _, err := c.do(request); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	eventually(t, "the request ends in Caddy too", func() bool {
		return len(logged.with("the request ended while it waited")) == 1
	})
}

func TestWithoutAListInTimeCaddyAnswers503AndTheLogSaysWhy(t *testing.T) {
	c := startProxy(t, waitingSite(newListFile(t), "50ms", "")).client()
	for range 3 {
		expect(t, http.StatusServiceUnavailable)(c.get("/"))
	}
	if len(logged.with(`pool \"web\": no source has answered within 50ms`)) == 0 {
		t.Error("the log does not say why")
	}
	if len(logged.with("discovery failed", "no such file", `"pool":"web"`)) != 1 {
		t.Error("the log does not say once that the file is missing")
	}
}

func TestWithoutAListInTimeStaticUpstreamsServe(t *testing.T) {
	fleet := startBackends(t, 2)
	list := newListFile(t)
	c := startProxy(t, waitingSite(list, "50ms", fleet[0].address)).client()
	for range 3 {
		if a := must(t)(c.get("/")); a.backend != "b0" {
			t.Errorf("%s answered", a.backend)
		}
	}
	list.write(fleet[1])
	list.settle(c, fleet[1])
}

func TestAPoolThatBecomesEmptyAnswers503AndSaysSoOnce(t *testing.T) {
	fleet := startBackends(t, 1)
	list := newListFile(t, fleet...)
	c := startProxy(t, list.site("")).client()
	must(t)(c.get("/"))
	list.write()
	eventually(t, "the pool is empty", func() bool {
		a, err := c.get("/")
		return err == nil && a.status == http.StatusServiceUnavailable
	})
	for range 5 {
		expect(t, http.StatusServiceUnavailable)(c.get("/"))
	}
	if n := len(logged.with(`"pool":"web"`, "of 0 endpoints 0 are usable")); n != 1 {
		t.Errorf("it was said %d times, not once", n)
	}
	list.write(fleet...)
	list.settle(c, fleet...)
}

func TestAPoolThatIsEmptyFromTheStartDoesNotMakeRequestsWait(t *testing.T) {
	list := newListFile(t)
	list.write()
	c := startProxy(t, waitingSite(list, "1h", "")).client()
	expect(t, http.StatusServiceUnavailable)(c.get("/"))
}

func TestAListWithAMistakeLeavesTheLastGoodOneInForce(t *testing.T) {
	fleet := startBackends(t, 2)
	list := newListFile(t, fleet...)
	c := startProxy(t, list.site(roundRobin)).client()
	list.settle(c, fleet...)
	list.write(&backend{address: "no port"})
	eventually(t, "the log tells of the mistake", func() bool { return len(logged.with("discovery failed", "list.json", `"endpoints":2`)) == 1 })
	list.settle(c, fleet...)
	list.write(fleet[1])
	list.settle(c, fleet[1])
}
