package traffic

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// failsReports is a handler with which one backend fails at /report, and at nothing else.
func failsReports(sick string) handlerFunc {
	return func(b *backend, w http.ResponseWriter, r *http.Request) {
		if b.name == sick && r.URL.Path == "/report" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		writeNameSlowly(b, w, r)
	}
}

func TestAnEndpointThatFailsAtOneRouteServesTheOthers(t *testing.T) {
	for _, kind := range []string{"a pool", "static"} {
		t.Run(kind, func(t *testing.T) {
			f := startBackends(t, 3, failsReports("b1"))
			p := startProxy(t, fmt.Sprintf("reverse_proxy {\n%s\nlb_policy adaptive_latency\n}", upstreamsOf(f)[kind]))
			c := p.client()
			// One of ten requests is a report.
			mixed := func(n int) (failed, atSick int64) {
				var failures, others atomic.Int64
				flood(12, n, func(i int) {
					path := fmt.Sprint("/items/", i)
					if i%10 == 0 {
						path = "/report"
					}
					a, err := c.get(path)
					switch {
					case err != nil:
						t.Error(err)
					case a.status != http.StatusOK:
						failures.Add(1)
					case a.backend == "b1" && path != "/report":
						others.Add(1)
					}
				})
				return failures.Load(), others.Load()
			}
			mixed(600)
			began := time.Now()
			failed, others := mixed(1000)
			// Of 100 reports 33 would fail. The endpoint is tried again within each decay of ten
			// seconds, of which a busy machine takes several. Of 900 others 300 are even; see
			// expectSpread for the tolerance.
			most := min(10+4*int64(time.Since(began)/(10*time.Second)), 25)
			if failed > most || others < 900*15/100 || others > 900*60/100 {
				t.Errorf("%d of 100 reports failed, and the endpoint served %d of 900 others", failed, others)
			}
		})
	}
}

// TestManyFailuresOfOneRouteInARowLeaveTheOthersEven has a client that asks for the failing route
// and nothing else for a while.
func TestManyFailuresOfOneRouteInARowLeaveTheOthersEven(t *testing.T) {
	for _, kind := range []string{"a pool", "static"} {
		t.Run(kind, func(t *testing.T) {
			f := startBackends(t, 3, failsReports("b1"))
			p := startProxy(t, fmt.Sprintf("reverse_proxy {\n%s\nlb_policy adaptive_latency\n}", upstreamsOf(f)[kind]))
			spread(t, p, 300)
			for range 60 {
				if _, err := p.client().get("/report"); err != nil {
					t.Fatal(err)
				}
			}
			expectSpread(t, p, f, "after 60 reports in a row")
		})
	}
}
