package outlier

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/endpointtest"
)

// outlier is provisioned with the defaults.
func outlier(t *testing.T, change ...func(*Detection)) *Detection {
	t.Helper()
	o := new(Detection)
	for _, c := range change {
		c(o)
	}
	if err := o.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	return o
}

var (
	worked  = endpoint.Result{Status: 200, Latency: 10 * time.Millisecond}
	failed  = endpoint.Result{Status: 500, Latency: time.Millisecond}
	gateway = endpoint.Result{Status: 503, Latency: time.Millisecond}
	refused = endpoint.Result{Failed: true}
)

func observe(pool *endpointtest.Pool, name string, results ...endpoint.Result) {
	e := pool.Endpoint(name)
	for _, r := range results {
		e.Observe(r)
	}
}

func times(n int, r endpoint.Result) []endpoint.Result {
	all := make([]endpoint.Result, n)
	for i := range all {
		all[i] = r
	}
	return all
}

func TestFailuresInARowEject(t *testing.T) {
	for name, c := range map[string]struct {
		results []endpoint.Result
		ejects  bool
	}{
		"five":                               {times(5, failed), true},
		"four":                               {times(4, failed), false},
		"with a success between":             {append(append(times(4, failed), worked), times(4, failed)...), false},
		"five that were refused":             {times(5, refused), true},
		"mixed ones":                         {[]endpoint.Result{failed, refused, gateway, failed, refused}, true},
		"a client's mistakes are none":       {times(50, endpoint.Result{Status: 404}), false},
		"upgraded connections are successes": {append(append(times(4, failed), endpoint.Result{Status: 101}), times(4, failed)...), false},
	} {
		t.Run(name, func(t *testing.T) {
			endpointtest.Run(t, func(pool *endpointtest.Pool) {
				pool.SetEndpoints("a", "b")
				observe(pool, "a", c.results...)
				if got := pool.Endpoint("a").Is(endpoint.Ejected); got != c.ejects {
					t.Errorf("ejected: %v", got)
				}
			}, outlier(t))
		})
	}
}

func TestGatewayFailuresHaveALimitOfTheirOwn(t *testing.T) {
	o := outlier(t, func(o *Detection) { o.ConsecutiveFailures, o.ConsecutiveGatewayFailures = never, 3 })
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b", "c", "d")
		observe(pool, "a", times(100, failed)...)
		observe(pool, "b", gateway, refused, failed, gateway, refused)
		observe(pool, "c", gateway, refused, endpoint.Result{Status: 504})
		pool.WantServing("a b d")
		pool.WantLog("endpoint is ejected c:1: 3 gateway failures in a row, for " + ejectionOf(pool, "c"))
	}, o)
}

func ejectionOf(pool *endpointtest.Pool, name string) string {
	j := pool.Endpoint(name).Ejection()
	return j.Until.Sub(j.Since).Round(time.Millisecond).String()
}

func TestWhatFailsIsConfigurable(t *testing.T) {
	o := outlier(t, func(o *Detection) { o.FailureStatus = append(o.FailureStatus, "429", "502-504") })
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b", "c", "d")
		observe(pool, "a", times(9, failed)...)
		observe(pool, "b", times(9, endpoint.Result{Status: 429})...)
		pool.WantServing("a c d")
	}, o)
}

func TestOneRequestAtATimeTriesWhoWasEjected(t *testing.T) {
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
		observe(pool, "a", worked)
		pool.Sleep(time.Second)
		if a.Breaker() != "closed" {
			t.Errorf("the breaker is %s", a.Breaker())
		}
		pool.Log.TakeAll()
		observe(pool, "a", times(4, failed)...)
		if a.Is(endpoint.Ejected) {
			t.Error("it counted what was before")
		}
	}, outlier(t))
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
			observe(pool, "a", failed) // the one that tries it
		}
		about(300 * time.Second)
		observe(pool, "a", worked)
		pool.Sleep(35 * time.Second) // three intervals without
		observe(pool, "a", times(5, failed)...)
		about(300 * time.Second)
		observe(pool, "a", worked)
		pool.Sleep(3 * time.Minute)
		if a.Ejection() != nil {
			t.Errorf("it still counts %d", a.Ejection().Times)
		}
		observe(pool, "a", times(5, failed)...)
		about(30 * time.Second)
	}, outlier(t))
}

func TestTheLastUsableEndpointStays(t *testing.T) {
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a")
		observe(pool, "a", times(50, failed)...)
		pool.WantServing("a")
		pool.SetEndpoints("a", "b")
		pool.Endpoint("b").Set(endpoint.ProbeFailed, true)
		observe(pool, "a", times(50, failed)...)
		pool.WantServing("a b") // nobody looks after b's check any more
	}, outlier(t))
}

func TestNoMoreThanAllowedAreEjected(t *testing.T) {
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
				t.Errorf("of %d that fail %d were ejected, not %d", n, got, want)
			}
		}, outlier(t))
	}
}

func TestWhoLeavesGivesItsPlaceFree(t *testing.T) {
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
			t.Error("what left is still ejected")
		}
	}, outlier(t))
}

func TestObservingOnlyReports(t *testing.T) {
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		observe(pool, "a", times(500, failed)...)
		pool.WantServing("a b")
		pool.WantLog("endpoint would be ejected a:1: 5 failures in a row")
	}, outlier(t, func(o *Detection) { o.ObserveOnly = true }))
}

func TestAReloadKeepsEjections(t *testing.T) {
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		observe(pool, "a", times(5, failed)...)
		observe(pool, "b", times(4, failed)...)
		pool.Reload(outlier(t, func(o *Detection) { o.MinRequests = 10 }))
		pool.WantServing("b")
		pool.Sleep(34 * time.Second)
		pool.WantServing("a b")
		observe(pool, "a", worked)
		observe(pool, "b", failed)
		pool.WantServing("a")
		pool.Reload() // nobody looks after ejections any more
		pool.WantServing("a b")
	}, outlier(t))
}

// windows are written as requests/failures or requests/failures/ms.
func windows(pool *endpointtest.Pool, list ...seen) []seen {
	for i := range list {
		list[i].endpoint = pool.Endpoint(string(rune('a' + i)))
	}
	return list
}

func did(requests, failures, ms int) seen {
	timed := requests - failures
	return seen{Window: endpoint.Window{Requests: requests, Failures: failures, Timed: timed, Latency: time.Duration(timed*ms) * time.Millisecond}}
}

func TestAnIntervalIsJudged(t *testing.T) {
	latency := func(o *Detection) { o.Latency = 3 }
	for name, c := range map[string]struct {
		change func(*Detection)
		seen   []seen
		want   string // who, and why
	}{
		"nothing happened":          {nil, []seen{did(0, 0, 0), did(0, 0, 0)}, ""},
		"nearly all failed":         {nil, []seen{did(50, 43, 5), did(50, 0, 5)}, "a 86% of 50 requests failed"},
		"too few requests":          {nil, []seen{did(49, 49, 5), did(50, 0, 5)}, ""},
		"many, but not enough":      {nil, []seen{did(50, 42, 5), did(50, 0, 5)}, ""},
		"two of ten":                {nil, []seen{did(200, 60, 5), did(200, 60, 5), did(200, 0, 5), did(200, 0, 5), did(200, 0, 5), did(200, 0, 5), did(200, 0, 5), did(200, 0, 5), did(200, 0, 5), did(200, 0, 5)}, "a 70.0% of 200 requests worked, where 94.0% do on average b 70.0% of 200 requests worked, where 94.0% do on average"},
		"one of five":               {nil, []seen{did(100, 0, 5), did(100, 0, 5), did(100, 10, 5), did(100, 0, 5), did(100, 0, 5)}, "c 90.0% of 100 requests worked, where 98.0% do on average"},
		"one of four is too few":    {nil, []seen{did(100, 0, 5), did(100, 0, 5), did(100, 10, 5), did(100, 0, 5)}, ""},
		"all alike":                 {nil, []seen{did(100, 10, 5), did(100, 10, 5), did(100, 10, 5), did(100, 10, 5), did(100, 10, 5)}, ""},
		"one failure in a thousand": {nil, []seen{did(1000, 1, 5), did(1000, 0, 5), did(1000, 0, 5), did(1000, 0, 5), did(1000, 0, 5)}, ""},
		"slow":                      {latency, []seen{did(50, 0, 10), did(50, 0, 10), did(50, 0, 31)}, "c it took 31ms on average, where the median is 10ms"},
		"not slow enough":           {latency, []seen{did(50, 0, 10), did(50, 0, 10), did(50, 0, 29)}, ""},
		"fast in any case":          {latency, []seen{did(50, 0, 1), did(50, 0, 1), did(50, 0, 5)}, ""},
		"of two nobody can tell":    {latency, []seen{did(50, 0, 10), did(50, 0, 100)}, ""},
		"slow, but nobody asked":    {nil, []seen{did(50, 0, 10), did(50, 0, 10), did(50, 0, 310)}, ""},
	} {
		endpointtest.Run(t, func(pool *endpointtest.Pool) {
			pool.SetEndpoints(strings.Split("a b c d e f g h i j", " ")...)
			o := outlier(t)
			if c.change != nil {
				o = outlier(t, c.change)
			}
			var got []string
			for _, v := range o.verdicts(windows(pool, c.seen...)) {
				got = append(got, strings.TrimSuffix(v.endpoint.Address(), ":1"), v.reason)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s: got %q, want %q", name, strings.Join(got, " "), c.want)
			}
		})
	}
}

func TestIntervalsAreJudgedAsTimePasses(t *testing.T) {
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
	}, outlier(t, func(o *Detection) { o.ConsecutiveFailures, o.ConsecutiveGatewayFailures = never, never }))
}

func TestEjectionTimesAreBounded(t *testing.T) {
	o := outlier(t)
	for n := 1; n < 1000; n++ {
		for _, random := range []float64{0, .5, 1} {
			d := o.ejectionTime(n, random).Seconds()
			if want := math.Min(30*float64(n), 300); d < want*.9-1e-6 || d > want*1.1+1e-6 {
				t.Fatalf("ejection %d lasts %v s", n, d)
			}
		}
	}
	if d := o.ejectionTime(math.MaxInt, 1); d > 331*time.Second {
		t.Error(d)
	}
}
