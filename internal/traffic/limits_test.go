package traffic

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

func compareAddresses(a, b *backend) int { return cmp.Compare(a.address, b.address) }

// limited returns all ways to limit three backends to two requests each, as lines of reverse_proxy.
func limited(f fleet) map[string]string {
	endpoints := ""
	for _, b := range f {
		endpoints += fmt.Sprintf("endpoint %s {\nmax_requests 2\n}\n", b.address)
	}
	return map[string]string{
		"max_requests of a pool's endpoints": fmt.Sprintf("dynamic pool own {\nsource static {\n%s}\n}", endpoints),
		"max_requests of a pool":             fmt.Sprintf("dynamic pool each {\nsource static %s\nmax_requests 2\n}", f),
		"unhealthy_request_count of a pool": fmt.Sprintf("dynamic pool common {\nsource static %s\n}\n", f) +
			"unhealthy_request_count 2",
		"unhealthy_request_count of static": fmt.Sprintf("to %s\nunhealthy_request_count 2", f),
	}
}

func TestNoBackendGetsMoreThanItsLimit(t *testing.T) {
	fleet := startBackends(t, 3, func(b *backend, w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Millisecond)
		io.WriteString(w, b.name)
	})
	var names, sites []string
	for policy, line := range ourPolicies {
		if policy == "bounded_load_hash falls back to one of Caddy's" {
			continue // Caddy's policies count a request after they have picked
		}
		for kind, upstreams := range limited(fleet) {
			names = append(names, policy+"/"+kind)
			const waiting = "lb_try_duration 1m\nlb_try_interval 1ms"
			sites = append(sites, fmt.Sprintf("reverse_proxy {\n%s\n%s\n%s\n}", upstreams, line, waiting))
		}
	}
	p := startProxy(t, sites...)
	for i, name := range names {
		t.Run(name, func(t *testing.T) {
			c := p.client(i)
			flood(20, amount(200, 40), func(i int) {
				if err := getOne(c, i); err != nil {
					t.Error(err)
				}
			})
			fleet.expectAtMost(t, 2)
			expectInFlight(t, nil)
		})
	}
}

// expectAtMost expects that no backend had more than n requests at once since the last call.
func (f fleet) expectAtMost(t *testing.T, n int64) {
	t.Helper()
	for _, b := range f {
		if most := b.most.Swap(0); most > n {
			t.Errorf("%s had %d requests at once; expected at most %d", b.name, most, n)
		}
	}
}

func TestLimitsAreReachedAndNotExceeded(t *testing.T) {
	blocking := newBlockingHandler()
	fleet := startBackends(t, 3, blocking.serve)
	for kind, upstreams := range limited(fleet) {
		t.Run(kind, func(t *testing.T) {
			c := startProxy(t, fmt.Sprintf("reverse_proxy {\n%s\n%s\n}", upstreams, roundRobin)).client()
			var answered, refused atomic.Int64
			done := make(chan struct{})
			for range 20 {
				go func() {
					defer func() { done <- struct{}{} }()
					switch a, _ := c.get("/"); a.status {
					case http.StatusOK:
						answered.Add(1)
					case http.StatusServiceUnavailable:
						refused.Add(1)
					}
				}()
			}
			eventually(t, "6 requests are served and 14 refused", func() bool {
				return len(blocking.arrived) == 6 && refused.Load() == 14
			})
			expectInFlight(t, fleet.each(2))
			for range 6 {
				receive(t, blocking.arrived)
				blocking.release <- struct{}{}
			}
			for range 20 {
				receive(t, done)
			}
			if answered.Load() != 6 {
				t.Errorf("%d were answered, want 6", answered.Load())
			}
		})
	}
}

func TestTheHandlersOfAPoolShareItsLimits(t *testing.T) {
	blocking := newBlockingHandler()
	fleet := startBackends(t, 3, blocking.serve)
	site := fmt.Sprintf("reverse_proxy {\n%s\n}", limited(fleet)["max_requests of a pool's endpoints"])
	p := startProxy(t, site, site)
	done := make(chan error)
	for i := range 6 {
		go func() { _, err := p.client(i % 2).get("/"); done <- err }()
	}
	for range 6 {
		receive(t, blocking.arrived)
	}
	for site := range 2 {
		expectStatus(t, http.StatusServiceUnavailable)(p.client(site).get("/"))
	}
	close(blocking.release)
	for range 6 {
		if err := receive(t, done); err != nil {
			t.Error(err)
		}
	}
}

func TestThePlaceholderOfTheLimitHasTheLimit(t *testing.T) {
	fleet := startBackends(t, 3)
	const show = "header_down X-Limit {http.reverse_proxy.upstream.max_requests}"
	var names, sites []string
	for policy, line := range ourPolicies {
		for kind, upstreams := range limited(fleet) {
			names = append(names, policy+"/"+kind)
			sites = append(sites, fmt.Sprintf("reverse_proxy {\n%s\n%s\n%s\n}", upstreams, line, show))
		}
	}
	p := startProxy(t, sites...)
	for i, name := range names {
		t.Run(name, func(t *testing.T) {
			if got := expectOK(t)(p.client(i).get("/")).header.Get("X-Limit"); got != "2" {
				t.Errorf("the limit is %q, want 2", got)
			}
		})
	}
}
