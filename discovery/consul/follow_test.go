package consul

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/goleak"

	"github.com/caddy-balance/caddy-balance/internal/leaktest"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

func TestAChangeEndsTheWaitOfAQuery(t *testing.T) {
	consul := startFake(t)
	running := sourcetest.Start(t, &Source{Services: []string{"web"}, Address: consul.URL})
	running.WantList()
	consul.register("web", list(instance("a", "10.0.0.1", 80)))
	running.WantList("10.0.0.1:80")
	consul.register("web", list(instance("a", "10.0.0.1", 80), instance("b", "10.0.0.2", 80)))
	running.WantList("10.0.0.1:80", "10.0.0.2:80")
	if wait := consul.last().FormValue("wait"); wait != "55000ms" {
		t.Errorf("the query waits %s; want 55000ms", wait)
	}
}

func TestServicesAreOneListOnceAllHaveAnswered(t *testing.T) {
	consul := startFake(t)
	consul.register("web", list(instance("a", "10.0.0.1", 80), instance("b", "10.0.0.2", 80)))
	consul.register("api", list(instance("c", "10.0.0.2", 80), instance("d", "10.0.0.3", 80)))
	running := sourcetest.Start(t, &Source{Services: []string{"web", "api"}, Address: consul.URL})
	first := running.Next()
	if got := sourcetest.Addresses(first.Endpoints); got != "10.0.0.1:80 10.0.0.2:80 10.0.0.3:80" {
		t.Errorf("the first list is %s; want the endpoints of both services", got)
	}
	if len(first.Dropped) != 1 || first.Dropped[0].Key != "n1/c" {
		t.Errorf("dropped %v; want the second service's 10.0.0.2:80", first.Dropped)
	}
	consul.register("api", list())
	running.WantList("10.0.0.1:80", "10.0.0.2:80")
}

func TestAnIndexThatGoesBackIsReset(t *testing.T) {
	consul := startFake(t)
	consul.register("web", list(instance("a", "10.0.0.1", 80)))
	running := sourcetest.Start(t, &Source{Services: []string{"web"}, Address: consul.URL, Wait: caddy.Duration(time.Second)})
	running.WantList("10.0.0.1:80")
	consul.set(func() { consul.index, consul.services = 3, map[string]string{} })
	running.WantList()
	consul.register("web", list(instance("b", "10.0.0.2", 80)))
	running.WantList("10.0.0.2:80")
	if got := strings.Join(consul.indices(), " "); !strings.Contains(got, "8 none") {
		t.Errorf("asked with the indices %s; want none after the loss of 8", got)
	}
}

func TestRunReturnsTheErrorThatStoppedIt(t *testing.T) {
	page := "<html>" + strings.Repeat("x", 10<<20)
	for name, c := range map[string]struct {
		change func(*fakeConsul)
		want   string
	}{
		"error 500":        {func(f *fakeConsul) { f.status, f.services["web"] = 500, "No cluster leader" }, `service "web": the agent answered 500: "No cluster leader"`},
		"wrong token":      {func(f *fakeConsul) { f.status, f.services["web"] = 403, "ACL not found" }, `the agent answered 403: "ACL not found"`},
		"redirect":         {func(f *fakeConsul) { f.status = 302; f.header.Set("Location", "http://127.0.0.1:1/") }, "the agent answered 302"},
		"page of an error": {func(f *fakeConsul) { f.status, f.services["web"] = 502, page }, "the agent answered 502"},
		"page":             {func(f *fakeConsul) { f.services["web"] = page }, "invalid character '<'"},
		"null":             {func(f *fakeConsul) { f.services["web"] = "null" }, "the answer is null"},
		"half an answer":   {func(f *fakeConsul) { f.services["web"] = `[{"Node":` }, "unexpected EOF"},
		"other JSON":       {func(f *fakeConsul) { f.services["web"] = `{"error": 1}` }, "is an object; expected a list"},
		"no index":         {func(f *fakeConsul) { f.header["X-Consul-Index"] = nil }, "the answer has no index"},
		"index 0":          {func(f *fakeConsul) { f.header.Set("X-Consul-Index", "0") }, "the answer has no index"},
		"hidden":           {func(f *fakeConsul) { f.header.Set("X-Consul-Results-Filtered-By-ACLs", "true") }, "service:read"},
	} {
		t.Run(name, func(t *testing.T) {
			consul := startFake(t)
			c.change(consul)
			running := sourcetest.Start(t, &Source{Services: []string{"web"}, Address: consul.URL})
			running.WantError(c.want)
			if n := running.Lists(); n > 0 {
				t.Errorf("reported %d lists; want none", n)
			}
		})
	}
}

func TestAnErrorIsShort(t *testing.T) {
	consul := startFake(t)
	consul.status, consul.services["web"] = 500, strings.Repeat("x", 10<<20)
	running := sourcetest.Start(t, &Source{Services: []string{"web"}, Address: consul.URL})
	if err := running.WantError("500").Err; len(err.Error()) > 1000 {
		t.Errorf("the error has %d bytes; want 1000 at most", len(err.Error()))
	}
}

func TestAPartlyHiddenListIsReportedWithAnError(t *testing.T) {
	consul := startFake(t)
	consul.header.Set("X-Consul-Results-Filtered-By-ACLs", "true")
	consul.register("web", list(instance("a", "10.0.0.1", 80)))
	a := sourcetest.Start(t, &Source{Services: []string{"web"}, Address: consul.URL}).WantList("10.0.0.1:80")
	if a.Err == nil || !strings.Contains(a.Err.Error(), "node:read") {
		t.Errorf("got the error %v; want one with node:read", a.Err)
	}
}

func TestTheFirstQueryAfterAnErrorHasNoIndex(t *testing.T) {
	consul := startFake(t)
	running := sourcetest.Start(t, &Source{Services: []string{"web"}, Address: consul.URL})
	running.WantList()
	consul.set(func() { consul.status = http.StatusInternalServerError })
	running.WantError("500")
	consul.set(func() { consul.status = 0 })
	running.WantList()
	if got := strings.Join(consul.indices(), " "); !strings.HasPrefix(got, "none 7 none") {
		t.Errorf("asked with the indices %s; want none 7 none first", got)
	}
}

func TestQueriesThatNeverWaitAreLimited(t *testing.T) {
	consul := startFake(t)
	const changes = 200
	running := sourcetest.Start(t, &Source{Services: []string{"web"}, Address: consul.URL})
	running.WantList()
	for range changes {
		consul.register("web", list())
	}
	running.WantList()
	if asked := len(consul.indices()); asked > changes/2 {
		t.Errorf("asked %d times for %d changes", asked, changes)
	}
}

func TestASourceThatStoppedLeavesNothingBehind(t *testing.T) {
	before := goleak.IgnoreCurrent()
	consul := startFake(t)
	running := sourcetest.Start(t, &Source{Services: []string{"web", "api"}, Address: consul.URL})
	running.WantList()
	if err := running.Stop(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	consul.Close()
	leaktest.WantNone(t, before)
}
