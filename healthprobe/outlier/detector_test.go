package outlier

import (
	"slices"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/endpointtest"
)

// newDetection returns provisioned settings, with the defaults but for these changes.
func newDetection(t *testing.T, change ...func(*Detection)) *Detection {
	t.Helper()
	d := new(Detection)
	for _, c := range change {
		c(d)
	}
	if err := d.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	return d
}

var (
	worked  = endpoint.Result{Status: 200, Latency: 10 * time.Millisecond}
	failed  = endpoint.Result{Status: 500, Latency: time.Millisecond}
	gateway = endpoint.Result{Status: 503, Latency: time.Millisecond}
	refused = endpoint.Result{Failed: true}
)

// observe reports results of attempts at an endpoint.
func observe(pool *endpointtest.Pool, name string, results ...endpoint.Result) {
	e := pool.Endpoint(name)
	for _, r := range results {
		e.Observe(r)
	}
}

// times returns n equal results.
func times(n int, r endpoint.Result) []endpoint.Result { return slices.Repeat([]endpoint.Result{r}, n) }

func TestFailuresInARowEject(t *testing.T) {
	for name, c := range map[string]struct {
		results []endpoint.Result
		ejects  bool
	}{
		"five":                                {times(5, failed), true},
		"four":                                {times(4, failed), false},
		"with a success between":              {append(append(times(4, failed), worked), times(4, failed)...), false},
		"five refused":                        {times(5, refused), true},
		"five of all kinds":                   {[]endpoint.Result{failed, refused, gateway, failed, refused}, true},
		"errors of the client":                {times(50, endpoint.Result{Status: 404}), false},
		"with an upgraded connection between": {append(append(times(4, failed), endpoint.Result{Status: 101}), times(4, failed)...), false},
	} {
		t.Run(name, func(t *testing.T) {
			endpointtest.Run(t, func(pool *endpointtest.Pool) {
				pool.SetEndpoints("a", "b")
				observe(pool, "a", c.results...)
				if got := pool.Endpoint("a").Is(endpoint.Ejected); got != c.ejects {
					t.Errorf("ejected: %v", got)
				}
			}, newDetection(t))
		})
	}
}

func TestGatewayFailuresHaveTheirOwnLimit(t *testing.T) {
	d := newDetection(t, func(d *Detection) { d.ConsecutiveFailures, d.ConsecutiveGatewayFailures = off, 3 })
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b", "c", "d")
		observe(pool, "a", times(100, failed)...)
		observe(pool, "b", gateway, refused, failed, gateway, refused)
		observe(pool, "c", gateway, refused, endpoint.Result{Status: 504})
		pool.WantServing("a b d")
		pool.WantLog("endpoint is ejected c:1: 3 gateway failures in a row, for " + ejectionOf(pool, "c"))
	}, d)
}

func ejectionOf(pool *endpointtest.Pool, name string) string {
	j := pool.Endpoint(name).Ejection()
	return j.Until.Sub(j.Since).Round(time.Millisecond).String()
}

func TestFailureStatusIsConfigurable(t *testing.T) {
	d := newDetection(t, func(d *Detection) { d.FailureStatus = append(d.FailureStatus, "429", "502-504") })
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b", "c", "d")
		observe(pool, "a", times(9, failed)...)
		observe(pool, "b", times(9, endpoint.Result{Status: 429})...)
		pool.WantServing("a c d")
	}, d)
}

func TestAnEjectedEndpointBecomesHalfOpen(t *testing.T) {
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		observe(pool, "a", times(5, failed)...)
		a := pool.Endpoint("a")
		if a.Breaker() != "open" {
			t.Errorf("the breaker is %s", a.Breaker())
		}
		pool.Sleep(26 * time.Second)
		pool.WantServing("b")
		pool.Sleep(8 * time.Second)
		pool.WantServing("a b")
		if a.Breaker() != "half-open" {
			t.Errorf("the breaker is %s", a.Breaker())
		}
		observe(pool, "a", trial(worked))
		pool.Sleep(time.Second)
		if a.Breaker() != "closed" {
			t.Errorf("the breaker is %s", a.Breaker())
		}
		pool.Log.TakeAll()
		observe(pool, "a", times(4, failed)...)
		if a.Is(endpoint.Ejected) {
			t.Error("failures from before the ejection count")
		}
	}, newDetection(t))
}

func TestEjectionsGrowAndShrinkAgain(t *testing.T) {
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		a := pool.Endpoint("a")
		about := func(want time.Duration) {
			t.Helper()
			j := a.Ejection()
			if d := j.Until.Sub(j.Since); d < want*9/10 || d > want*11/10 || !a.Is(endpoint.Ejected) {
				t.Errorf("ejected for %s, not for about %s", d, want)
			}
			pool.Sleep(time.Until(j.Until) + time.Millisecond)
		}
		observe(pool, "a", times(5, failed)...)
		for _, want := range []time.Duration{30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300} {
			about(want * time.Second)
			observe(pool, "a", trial(failed))
		}
		about(300 * time.Second)
		observe(pool, "a", trial(worked))
		pool.Sleep(35 * time.Second) // three intervals without an ejection
		observe(pool, "a", times(5, failed)...)
		about(300 * time.Second)
		observe(pool, "a", trial(worked))
		pool.Sleep(3 * time.Minute)
		if a.Ejection() != nil {
			t.Errorf("%d ejections still count", a.Ejection().Times)
		}
		observe(pool, "a", times(5, failed)...)
		about(30 * time.Second)
	}, newDetection(t))
}

func TestTheLastUsableEndpointStays(t *testing.T) {
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a")
		observe(pool, "a", times(50, failed)...)
		pool.WantServing("a")
		pool.SetEndpoints("a", "b")
		pool.Endpoint("b").Set(endpoint.ProbeFailed, true)
		observe(pool, "a", times(50, failed)...)
		pool.WantServing("a b") // b serves too, because nothing sets the conditions of checks here
	}, newDetection(t))
}

func TestMaxEjectedPercentLimitsEjections(t *testing.T) {
	for n, want := range map[int]int{2: 1, 3: 1, 6: 1, 7: 2, 10: 3, 20: 6} {
		endpointtest.Run(t, func(pool *endpointtest.Pool) {
			var names []string
			for i := range n {
				names = append(names, string(rune('a'+i)))
			}
			pool.SetEndpoints(names...)
			for _, name := range names {
				observe(pool, name, times(5, failed)...)
			}
			got := 0
			for _, name := range names {
				if pool.Endpoint(name).Is(endpoint.Ejected) {
					got++
				}
			}
			if got != want {
				t.Errorf("%d of %d failing endpoints are ejected, want %d", got, n, want)
			}
		}, newDetection(t))
	}
}

func TestAnEndpointThatLeavesNoLongerCountsAsEjected(t *testing.T) {
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b", "c")
		observe(pool, "a", times(5, failed)...)
		observe(pool, "b", times(5, failed)...)
		pool.WantServing("b c")
		a := pool.Endpoint("a")
		pool.SetEndpoints("b", "c")
		observe(pool, "b", times(5, failed)...)
		pool.WantServing("c")
		if a.Conditions() != 0 || a.Ejection() != nil {
			t.Error("the endpoint that left is still ejected")
		}
	}, newDetection(t))
}

func TestObserveOnlyLogsAndCountsAndDoesNotEject(t *testing.T) {
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		observe(pool, "a", times(500, failed)...)
		pool.WantServing("a b")
		pool.WantLog("endpoint would be ejected a:1: 5 failures in a row")
		p := pool.Claim.Pool
		if n := p.ObservedEjections(endpoint.ConsecutiveFailures); n != 1 {
			t.Errorf("%d ejections were observed, want 1 for the time that it would last", n)
		}
	}, newDetection(t, func(d *Detection) { d.ObserveOnly = true }))
}

func TestAReloadKeepsEjections(t *testing.T) {
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		observe(pool, "a", times(5, failed)...)
		observe(pool, "b", times(4, failed)...)
		pool.Reload(newDetection(t, func(d *Detection) { d.MinRequests = 10 }))
		pool.WantServing("b")
		pool.Sleep(34 * time.Second)
		pool.WantServing("a b")
		observe(pool, "a", trial(worked))
		observe(pool, "b", failed)
		pool.WantServing("a")
		pool.Reload() // without detection, ejections end
		pool.WantServing("a b")
	}, newDetection(t))
}

func TestAnIntervalIsJudgedAtItsEnd(t *testing.T) {
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		for range 30 {
			observe(pool, "a", failed, failed, failed, failed, worked, failed, failed, failed, failed)
			observe(pool, "b", worked)
		}
		pool.WantServing("a b")
		pool.Sleep(10 * time.Second)
		pool.WantServing("b")
		pool.WantLog("endpoint is ejected a:1: 89% of 270 requests failed, for " + ejectionOf(pool, "a"))
	}, newDetection(t, func(d *Detection) { d.ConsecutiveFailures, d.ConsecutiveGatewayFailures = off, off }))
}
