package traffic

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// mixedRoutes answers requests of routes that differ: items are quick, reports and polls take long,
// and /broken fails everywhere. The backend that slow names takes 300 ms longer for all but polls,
// much more than a busy machine adds to the others.
func mixedRoutes(slow string) handlerFunc {
	return func(b *backend, w http.ResponseWriter, r *http.Request) {
		takes := time.Millisecond
		switch {
		case r.URL.Path == "/broken":
			w.WriteHeader(http.StatusInternalServerError)
			return
		case r.URL.Path == "/poll":
			time.Sleep(500 * time.Millisecond)
			return
		case r.URL.Path == "/report":
			takes = 50 * time.Millisecond
		}
		if b.name == slow {
			takes += 300 * time.Millisecond
		}
		time.Sleep(takes)
		writeName(b, w, r)
	}
}

// mixedSite proxies to a pool whose endpoints are ejected if they are slow or fail.
func mixedSite(f fleet, policy string) string {
	return checkedPool(f, `outlier {
		latency 3
		success_rate 1.9
		failure_percentage 50%
		interval 1s
		min_requests 20
		base_ejection 1h
	}`, "lb_policy "+policy)
}

// mixedPath returns the path of the nth request. A client repeats the broken one nine times.
func mixedPath(n int64) string {
	switch {
	case n%100 > 90:
		return "/broken"
	case n%50 == 10:
		return "/poll"
	case n%25 == 20:
		return "/report"
	}
	return fmt.Sprint("/items/", n)
}

// sendMixed sends requests from several clients until done returns true for their number.
func sendMixed(t *testing.T, p *proxy, done func(n int64) bool) {
	t.Helper()
	var sent atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		c := p.client()
		wg.Go(func() {
			for n := sent.Add(1); !done(n); n = sent.Add(1) {
				if a, err := c.get(mixedPath(n)); err != nil || (a.status != 200) != (mixedPath(n) == "/broken") {
					t.Errorf("%s: status %d, %v", mixedPath(n), a.status, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestAMixOfRoutesEjectsNoEndpoint(t *testing.T) {
	for _, policy := range []string{"random", "uri_hash", "smooth_weighted_round_robin"} {
		t.Run(policy, func(t *testing.T) {
			fleet := startBackends(t, 5, mixedRoutes(""))
			p := startProxy(t, mixedSite(fleet, policy))
			sendMixed(t, p, func(n int64) bool { return n > 3000 })
			for _, line := range logged.With("endpoint is ejected") {
				t.Error(line)
			}
		})
	}
}

func TestASlowEndpointIsEjectedFromAMixOfRoutes(t *testing.T) {
	fleet := startBackends(t, 5, mixedRoutes("b3"))
	p := startProxy(t, mixedSite(fleet, "random"))
	ejected := func() []string { return logged.With("endpoint is ejected") }
	deadline := time.Now().Add(waitLimit)
	sendMixed(t, p, func(int64) bool { return len(ejected()) > 0 || time.Now().After(deadline) })
	lines := ejected()
	if len(lines) != 1 || !strings.Contains(lines[0], fleet[3].address) ||
		!strings.Contains(lines[0], "times as long as usual for their routes") {
		t.Errorf("got %q, want one line about %s", lines, fleet[3].address)
	}
}
