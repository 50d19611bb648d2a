package traffic

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
)

// busy returns a handler that answers with a status and Retry-After at the backends with these
// names.
func busy(status int, names ...string) handlerFunc {
	return func(b *backend, w http.ResponseWriter, _ *http.Request) {
		if slices.Contains(names, b.name) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(status)
			return
		}
		io.WriteString(w, b.name)
	}
}

func TestAnEndpointThatAsksForItPausesAlsoOverAReload(t *testing.T) {
	for policy, line := range ourPolicies {
		t.Run(policy, func(t *testing.T) {
			var first atomic.Pointer[backend] // the one that is busy
			fleet := startBackends(t, 4, func(b *backend, w http.ResponseWriter, r *http.Request) {
				first.CompareAndSwap(nil, b)
				busy(http.StatusServiceUnavailable, first.Load().name)(b, w, r)
			})
			site := gated(fleet, "retry_after 10h", line)
			p := startProxy(t, site)
			c := p.client()
			expectStatus(t, http.StatusServiceUnavailable)(c.get("/"))
			for range 2 {
				for i := range 40 {
					expectOK(t)(c.get(fmt.Sprint("/", i)))
				}
				if err := p.reload(site, "respond other"); err != nil {
					t.Fatal(err)
				}
			}
			if hits := first.Load().hits.Load(); hits != 1 {
				t.Errorf("it got %d requests, want 1", hits)
			}
		})
	}
}

func TestNoMoreThanHalfOfTheEndpointsPause(t *testing.T) {
	for n, pausing := range map[int]int{1: 0, 2: 1, 3: 1, 4: 2} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			fleet := startBackends(t, n, busy(http.StatusServiceUnavailable, "b0", "b1", "b2", "b3"))
			c := startProxy(t, gated(fleet, "retry_after 10h", roundRobin)).client()
			for range 40 {
				expectStatus(t, http.StatusServiceUnavailable)(c.get("/"))
			}
			once := 0
			for _, hits := range fleet.hits() {
				if hits == 1 {
					once++
				}
			}
			if once != pausing {
				t.Errorf("%d pause, want %d: %v", once, pausing, fleet.hits())
			}
		})
	}
}

func TestEndpointsThatPauseAreUsedIfThereIsNoOther(t *testing.T) {
	fleet := startBackends(t, 2, busy(http.StatusServiceUnavailable, "b0"))
	c := startProxy(t, gated(fleet, "retry_after 10h", roundRobin+"\nfail_duration 1h")).client()
	for range 4 {
		c.get("/")
	}
	if hits := fleet[0].hits.Load(); hits != 1 {
		t.Fatalf("b0 got %d requests, want 1", hits)
	}
	fleet[1].kill()
	eventually(t, "b0 is asked again", func() bool {
		c.get("/")
		return fleet[0].hits.Load() > 1
	})
}

func TestOnlyTheGivenStatusesCount(t *testing.T) {
	for option, pauses := range map[string]bool{"1h": false, "1h 503": false, "1h 429": true, "1h 503 429": true} {
		t.Run(option, func(t *testing.T) { // its proxy ends, so that the next one knows no endpoints
			fleet := startBackends(t, 2, busy(http.StatusTooManyRequests, "b0"))
			c := startProxy(t, gated(fleet, "retry_after "+option, roundRobin)).client()
			for range 10 {
				c.get("/")
			}
			if hits := fleet[0].hits.Load(); hits == 1 != pauses {
				t.Errorf("it got %d requests", hits)
			}
		})
	}
}
