package traffic

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestTheSamePoolInTwoPlacesIsOnePool(t *testing.T) {
	fleet := startBackends(t, 2)
	list := newListFile(t, fleet[0])
	p := startProxy(t, list.site(""), list.site("lb_policy first"), list.site(roundRobin))
	eventually(t, "the first list is read", func() bool { return logged.Count("pool changed") == 1 })
	list.write(fleet...)
	awaitBackends(t, p.client(2), fleet...)
	if n := logged.Count("pool changed"); n != 2 {
		t.Errorf("2 lists were read %d times", n)
	}
	if n := len(endpoints()); n != 2 {
		t.Errorf("%d endpoints are known, want 2", n)
	}
}

func TestDifferentDefinitionsOfAPoolAreAnError(t *testing.T) {
	fleet := startBackends(t, 2)
	p := startProxy(t, pooled(fleet, ""))
	for field, other := range map[string]string{
		"sources[0].endpoints": pooled(fleet[1:], ""),
		"initial_wait":         strings.Replace(pooled(fleet, ""), "source", "initial_wait 9s\nsource", 1),
	} {
		t.Run(field, func(t *testing.T) {
			err := p.reload(pooled(fleet, ""), other)
			if err == nil {
				t.Fatal("the config was loaded")
			}
			if want := `pool \"web\" is defined twice and differently, in ` + field; !strings.Contains(err.Error(), want) {
				t.Errorf("%q is not in %q", want, err)
			}
			expectOK(t)(p.client().get("/"))
		})
	}
}

func TestAReloadWithAnotherDefinitionKeepsTheCounts(t *testing.T) {
	blocking := newBlockingHandler()
	fleet := startBackends(t, 3, blocking.serve)
	p := startProxy(t, limitedTo(1, fleet[:2]))
	done := make(chan answer)
	start := func() {
		go func() { a, _ := p.client().get("/"); done <- a }()
		receive(t, blocking.arrived)
	}
	start()
	start()
	if err := p.reload(limitedTo(1, fleet[1:])); err != nil {
		t.Fatal(err)
	}
	expectInFlight(t, fleet[:2].each(1))
	start() // only the third has room
	expectInFlight(t, fleet.each(1))
	expectStatus(t, http.StatusServiceUnavailable)(p.client().get("/"))
	close(blocking.release)
	for range 3 {
		if a := receive(t, done); a.status != http.StatusOK {
			t.Errorf("status %d", a.status)
		}
	}
}

func TestANewDefinitionServesTheOldListUntilItHasOne(t *testing.T) {
	fleet := startBackends(t, 2)
	p := startProxy(t, pooled(fleet[:1], ""))
	expectOK(t)(p.client().get("/")) // fetches the first list
	list := newListFile(t)
	if err := p.reload(waitingSite(list, "1h", "")); err != nil {
		t.Fatal(err)
	}
	c := p.client()
	if a := expectOK(t)(c.get("/")); a.backend != "b0" {
		t.Errorf("%s answered", a.backend)
	}
	list.write(fleet[1])
	awaitBackends(t, c, fleet[1])
}

func limitedTo(n int, f fleet) string {
	var endpoints strings.Builder
	for _, b := range f {
		fmt.Fprintf(&endpoints, "endpoint %s {\nmax_requests %d\n}\n", b.address, n)
	}
	return fmt.Sprintf("reverse_proxy {\ndynamic pool web {\nsource static {\n%s}\n}\n}", &endpoints)
}

func TestAFailedReloadChangesNothing(t *testing.T) {
	fleet := startBackends(t, 3)
	list := newListFile(t, fleet[0])
	p := startProxy(t, list.site(roundRobin))
	c := p.client()
	awaitBackends(t, c, fleet[0])
	before := endpoints()
	for i := range amount(12, 4) {
		sites := []string{pooled(fleet[1:], ""), list.site("")}
		if err := p.Reload(p.adapted(withBrokenApp, sites[i%2])); err == nil {
			t.Fatal("a config with a broken app was loaded")
		}
		if counts := shares(t, c, 4); counts["b0"] != 4 {
			t.Fatalf("shares are %v", counts)
		}
	}
	list.write(fleet[:2]...) // the source still runs
	awaitBackends(t, c, fleet[:2]...)
	for _, e := range before {
		if !slices.Contains(endpoints(), e) {
			t.Errorf("the state of %s was lost", e.Address())
		}
	}
}

func TestAReloadKeepsTheStateOfEndpoints(t *testing.T) {
	fleet := startBackends(t, 2)
	sites := map[string]func(i int) string{
		"pool":           func(int) string { return pooled(fleet, "") },
		"changed pool":   func(i int) string { return pooled(fleet[:1+i%2], "") },
		"without a pool": func(int) string { return fmt.Sprintf("reverse_proxy %s {\n%s\n}", fleet, roundRobin) },
		"a list of sources": func(int) string {
			return fmt.Sprintf("reverse_proxy {\n%s\n%s\n}", upstreamsOf(fleet)["pools below multi"], roundRobin)
		},
	}
	for name, site := range sites {
		t.Run(name, func(t *testing.T) {
			p := startProxy(t, site(0))
			shares(t, p.client(), 10)
			before := endpoints()
			for i := range 3 {
				if err := p.reload(site(i+1), fmt.Sprint("respond ", i)); err != nil {
					t.Fatal(err)
				}
				shares(t, p.client(), 10)
			}
			for _, e := range before {
				if !slices.Contains(endpoints(), e) {
					t.Errorf("the state of %s was lost", e.Address())
				}
			}
		})
	}
}

func TestARequestMayOutliveItsPool(t *testing.T) {
	for name, site := range map[string]string{"pool": "dynamic pool web {\nsource static %s\n}", "static": "to %s"} {
		t.Run(name, func(t *testing.T) {
			blocking := newBlockingHandler()
			fleet := startBackends(t, 1, blocking.serve)
			p := startProxy(t, fmt.Sprintf("reverse_proxy {\n"+site+"\n"+roundRobin+"\n}", fleet))
			done := make(chan answer)
			go func() { a, _ := p.client().get("/"); done <- a }()
			receive(t, blocking.arrived)
			known := endpoints()
			if err := p.reload("respond other"); err != nil {
				t.Fatal(err)
			}
			if known[0].InFlight() != 1 {
				t.Errorf("%d in flight", known[0].InFlight())
			}
			close(blocking.release)
			if a := receive(t, done); a.body != "b0" {
				t.Errorf("%+v", a)
			}
			eventually(t, "nothing is in flight", func() bool { return known[0].InFlight() == 0 })
		})
	}
}

// A config ends when another is loaded, but its requests go on. One of them may even make its first
// pick after that.
func TestTheFirstPickMayComeAfterTheEndOfTheConfig(t *testing.T) {
	fleet := startBackends(t, 2)
	for kind, upstreams := range upstreamsOf(fleet) {
		t.Run(kind, func(t *testing.T) {
			p := startProxy(t, fmt.Sprintf("route {\nannounce\nreverse_proxy {\n%s\n%s\nrequest_buffers 1KiB\n%s}\n}",
				upstreams, roundRobin, shortKeepalive))
			body, writer := io.Pipe()
			done := make(chan error)
			go func() {
				a, err := p.client().send(http.MethodPost, "/", body)
				if err == nil && a.status != http.StatusOK {
					err = fmt.Errorf("status %d", a.status)
				}
				done <- err
			}()
			receive(t, announced)
			if err := p.reload("respond other"); err != nil {
				t.Fatal(err)
			}
			io.WriteString(writer, "body")
			writer.Close()
			if err := receive(t, done); err != nil {
				t.Error(err)
			}
		})
	}
}
