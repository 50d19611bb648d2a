package healthprobe

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// outlier is provisioned with the defaults.
func outlier(t *testing.T, change ...func(*Outlier)) *Outlier {
	t.Helper()
	o := new(Outlier)
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

func (w *ward) observe(name string, results ...endpoint.Result) {
	e := w.endpoint(name)
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
			caring(t, func(w *ward) {
				w.list("a", "b")
				w.observe("a", c.results...)
				if got := w.endpoint("a").Is(endpoint.Ejected); got != c.ejects {
					t.Errorf("ejected: %v", got)
				}
			}, outlier(t))
		})
	}
}

func TestGatewayFailuresHaveALimitOfTheirOwn(t *testing.T) {
	o := outlier(t, func(o *Outlier) { o.ConsecutiveFailures, o.ConsecutiveGatewayFailures = never, 3 })
	caring(t, func(w *ward) {
		w.list("a", "b", "c", "d")
		w.observe("a", times(100, failed)...)
		w.observe("b", gateway, refused, failed, gateway, refused)
		w.observe("c", gateway, refused, endpoint.Result{Status: 504})
		w.wantServing("a b d")
		w.wantLog("endpoint is ejected c:1: 3 gateway failures in a row, for " + ejectionOf(w, "c"))
	}, o)
}

func ejectionOf(w *ward, name string) string {
	j := w.endpoint(name).Ejection()
	return j.Until.Sub(j.Since).Round(time.Millisecond).String()
}

func TestWhatFailsIsConfigurable(t *testing.T) {
	o := outlier(t, func(o *Outlier) { o.FailureStatus = append(o.FailureStatus, "429", "502-504") })
	caring(t, func(w *ward) {
		w.list("a", "b", "c", "d")
		w.observe("a", times(9, failed)...)
		w.observe("b", times(9, endpoint.Result{Status: 429})...)
		w.wantServing("a c d")
	}, o)
}

func TestOneRequestAtATimeTriesWhoWasEjected(t *testing.T) {
	caring(t, func(w *ward) {
		w.list("a", "b")
		w.observe("a", times(5, failed)...)
		a := w.endpoint("a")
		if a.Breaker() != "open" {
			t.Errorf("the breaker is %s", a.Breaker())
		}
		w.pass(26 * time.Second)
		w.wantServing("b")
		w.pass(8 * time.Second)
		w.wantServing("a b")
		if a.Breaker() != "half-open" {
			t.Errorf("the breaker is %s", a.Breaker())
		}
		w.observe("a", worked)
		w.pass(time.Second)
		if a.Breaker() != "closed" {
			t.Errorf("the breaker is %s", a.Breaker())
		}
		w.log.TakeAll()
		w.observe("a", times(4, failed)...)
		if a.Is(endpoint.Ejected) {
			t.Error("it counted what was before")
		}
	}, outlier(t))
}

func TestEjectionsGrowAndShrinkAgain(t *testing.T) {
	caring(t, func(w *ward) {
		w.list("a", "b")
		a := w.endpoint("a")
		about := func(want time.Duration) {
			t.Helper()
			j := a.Ejection()
			if d := j.Until.Sub(j.Since); d < want*9/10 || d > want*11/10 || !a.Is(endpoint.Ejected) {
				t.Errorf("ejected for %s, not for about %s", d, want)
			}
			w.pass(time.Until(j.Until) + time.Millisecond)
		}
		w.observe("a", times(5, failed)...)
		for _, want := range []time.Duration{30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300} {
			about(want * time.Second)
			w.observe("a", failed) // the one that tries it
		}
		about(300 * time.Second)
		w.observe("a", worked)
		w.pass(35 * time.Second) // three intervals without
		w.observe("a", times(5, failed)...)
		about(300 * time.Second)
		w.observe("a", worked)
		w.pass(3 * time.Minute)
		if a.Ejection() != nil {
			t.Errorf("it still counts %d", a.Ejection().Times)
		}
		w.observe("a", times(5, failed)...)
		about(30 * time.Second)
	}, outlier(t))
}

func TestAPassedCheckReadmitsIfThatIsWanted(t *testing.T) {
	p := script()
	caring(t, func(w *ward) {
		w.list("a", "b")
		w.pass(time.Minute)
		p.set(p.hangs, "a", true) // so that no check passes for now
		w.pass(6 * time.Second)
		w.observe("a", times(5, failed)...)
		w.pass(34 * time.Second)
		if b := w.endpoint("a").Breaker(); b != "open" {
			t.Errorf("the breaker is %s", b)
		}
		p.set(p.hangs, "a", false)
		w.pass(15 * time.Second)
		if b := w.endpoint("a").Breaker(); b != "closed" {
			t.Errorf("the breaker is %s", b)
		}
	}, health(p), outlier(t, func(o *Outlier) { o.Readmit = readmitProbe }))
}

func TestTheLastUsableEndpointStays(t *testing.T) {
	caring(t, func(w *ward) {
		w.list("a")
		w.observe("a", times(50, failed)...)
		w.wantServing("a")
		w.list("a", "b")
		w.endpoint("b").Set(endpoint.Failing, true)
		w.observe("a", times(50, failed)...)
		w.wantServing("a b") // nobody looks after b's check any more
	}, outlier(t))
}

func TestNoMoreThanAllowedAreEjected(t *testing.T) {
	for n, want := range map[int]int{2: 1, 3: 1, 6: 1, 7: 2, 10: 3, 20: 6} {
		caring(t, func(w *ward) {
			var names []string
			for i := range n {
				names = append(names, string(rune('a'+i)))
			}
			w.list(names...)
			for _, name := range names {
				w.observe(name, times(5, failed)...)
			}
			got := 0
			for _, name := range names {
				if w.endpoint(name).Is(endpoint.Ejected) {
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
	caring(t, func(w *ward) {
		w.list("a", "b", "c")
		w.observe("a", times(5, failed)...)
		w.observe("b", times(5, failed)...)
		w.wantServing("b c")
		a := w.endpoint("a")
		w.list("b", "c")
		w.observe("b", times(5, failed)...)
		w.wantServing("c")
		if a.Conditions() != 0 || a.Ejection() != nil {
			t.Error("what left is still ejected")
		}
	}, outlier(t))
}

func TestObservingOnlyReports(t *testing.T) {
	caring(t, func(w *ward) {
		w.list("a", "b")
		w.observe("a", times(500, failed)...)
		w.wantServing("a b")
		w.wantLog("endpoint would be ejected a:1: 5 failures in a row")
	}, outlier(t, func(o *Outlier) { o.ObserveOnly = true }))
}

func TestAReloadKeepsEjections(t *testing.T) {
	caring(t, func(w *ward) {
		w.list("a", "b")
		w.observe("a", times(5, failed)...)
		w.observe("b", times(4, failed)...)
		w.reload(outlier(t, func(o *Outlier) { o.MinRequests = 10 }))
		w.wantServing("b")
		w.pass(34 * time.Second)
		w.wantServing("a b")
		w.observe("a", worked)
		w.observe("b", failed)
		w.wantServing("a")
		w.reload() // nobody looks after ejections any more
		w.wantServing("a b")
	}, outlier(t))
}

// windows are written as requests/failures or requests/failures/ms.
func windows(w *ward, list ...seen) []seen {
	for i := range list {
		list[i].endpoint = w.endpoint(string(rune('a' + i)))
	}
	return list
}

func did(requests, failures, ms int) seen {
	timed := requests - failures
	return seen{Window: endpoint.Window{Requests: requests, Failures: failures, Timed: timed, Latency: time.Duration(timed*ms) * time.Millisecond}}
}

func TestAnIntervalIsJudged(t *testing.T) {
	latency := func(o *Outlier) { o.Latency = 3 }
	for name, c := range map[string]struct {
		change func(*Outlier)
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
		caring(t, func(w *ward) {
			w.list(strings.Split("a b c d e f g h i j", " ")...)
			o := outlier(t)
			if c.change != nil {
				o = outlier(t, c.change)
			}
			var got []string
			for _, v := range o.verdicts(windows(w, c.seen...)) {
				got = append(got, strings.TrimSuffix(v.endpoint.Address(), ":1"), v.reason)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s: got %q, want %q", name, strings.Join(got, " "), c.want)
			}
		})
	}
}

func TestIntervalsAreJudgedAsTimePasses(t *testing.T) {
	caring(t, func(w *ward) {
		w.list("a", "b")
		for range 30 {
			w.observe("a", failed, failed, failed, failed, worked, failed, failed, failed, failed)
			w.observe("b", worked)
		}
		w.wantServing("a b")
		w.pass(10 * time.Second)
		w.wantServing("b")
		w.wantLog("endpoint is ejected a:1: 89% of 270 requests failed, for " + ejectionOf(w, "a"))
	}, outlier(t, func(o *Outlier) { o.ConsecutiveFailures, o.ConsecutiveGatewayFailures = never, never }))
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
