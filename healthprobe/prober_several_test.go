package healthprobe

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/healthprobe/outlier"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/endpointtest"
)

// newTwoProbes returns settings with the probes "live" and "role".
func newTwoProbes(live, role Probe) *Health {
	h := new(Health)
	h.setDefaults()
	return h.with("live", live, CheckOptions{}).with("role", role, CheckOptions{})
}

func TestAnEndpointMustPassEachOfSeveralProbes(t *testing.T) {
	live, role := newScriptedProbe(), newScriptedProbe()
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		pool.Sleep(time.Minute)
		pool.WantServing("a b")
		role.set(role.fails, "a", true)
		pool.Sleep(10 * time.Second)
		pool.WantServing("b")
		pool.WantLog("endpoint is unhealthy a:1: probe role: 3 of 3 checks failed, last: refused in 0s")
		live.set(live.fails, "a", true)
		pool.Sleep(10 * time.Second)
		role.set(role.fails, "a", false)
		pool.Sleep(20 * time.Second)
		pool.WantServing("b")
		pool.WantLog()
		live.set(live.fails, "a", false)
		pool.Sleep(10 * time.Second)
		pool.WantServing("a b")
		pool.WantLog("endpoint is healthy a:1: probe live: 2 of 2 checks passed")
	}, newTwoProbes(live, role))
}

func TestEachProbeHasItsOwnIntervalTimeLimitAndCounts(t *testing.T) {
	quick, slow := newScriptedProbe(), newScriptedProbe()
	h := new(Health)
	h.setDefaults()
	h.with("quick", quick, CheckOptions{Interval: caddy.Duration(time.Second), Timeout: caddy.Duration(100 * time.Millisecond), Fall: 1, Rise: 1})
	h.with("slow", slow, CheckOptions{Interval: caddy.Duration(time.Minute), FastInterval: caddy.Duration(30 * time.Second), Timeout: caddy.Duration(20 * time.Second)})
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		pool.Sleep(10 * time.Minute)
		if q, s := len(quick.times("a")), len(slow.times("a")); q < 540 || q > 680 || s < 9 || s > 14 {
			t.Errorf("%d checks in 600 intervals, and %d in 10", q, s)
		}
		quick.set(quick.hangs, "a", true)
		pool.Sleep(1300 * time.Millisecond)
		pool.WantServing("b") // after one failure, which takes a tenth of a second
		pool.WantLog("endpoint is unhealthy a:1: probe quick: 1 of 1 check failed, last: timed out in 100ms")
		quick.set(quick.hangs, "a", false)
		pool.Sleep(1300 * time.Millisecond)
		pool.WantServing("a b")
		slow.set(slow.hangs, "b", true)
		pool.Sleep(100 * time.Second) // at most two failures, each after 20 s
		pool.WantServing("a b")
		pool.Sleep(100 * time.Second)
		pool.WantServing("a")
	}, h)
}

func TestAReloadKeepsTheVerdictsOfProbesThatStay(t *testing.T) {
	live, role, third := newScriptedProbe(), newScriptedProbe(), newScriptedProbe()
	third.hangs["a"], third.hangs["b"] = true, true // says nothing for two seconds
	for _, c := range []struct {
		name         string
		reloaded     *Health
		sooner, soon string // serving at once, and after the first results
	}{
		{"the failing probe stays", newHealth(live).with("role", role, CheckOptions{}), "b", "b"},
		{"in another order", new(Health).with("role", role, CheckOptions{}).with("live", live, CheckOptions{}), "b", "b"},
		{"alone", new(Health).with("role", role, CheckOptions{Interval: caddy.Duration(time.Hour)}), "b", "b"},
		{"the failing probe goes", new(Health).with("live", live, CheckOptions{}), "a b", "a b"},
		{"another takes its place", new(Health).with("live", live, CheckOptions{}).with("other", live, CheckOptions{}), "b", "a b"},
		{"another is added", newTwoProbes(live, role).with("third", third, CheckOptions{}), "b", "b"},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			role.set(role.fails, "a", true)
			endpointtest.Run(t, func(pool *endpointtest.Pool) {
				pool.SetEndpoints("a", "b")
				pool.Sleep(time.Minute)
				pool.WantServing("b")
				live.set(live.hangs, "a", true)
				live.set(live.hangs, "b", true)
				pool.Reload(c.reloaded)
				pool.WantServing(c.sooner)
				live.set(live.hangs, "a", false)
				live.set(live.hangs, "b", false)
				pool.Sleep(10 * time.Second)
				if c.name != "another is added" { // its first result is a failure
					pool.WantServing(c.soon)
				}
			}, newTwoProbes(live, role))
		})
	}
}

func TestTheCountsOfAProbeThatStaysGoOn(t *testing.T) {
	live, role := newScriptedProbe(), newScriptedProbe()
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		pool.Sleep(time.Minute)
		role.set(role.fails, "a", true)
		for pool.Endpoint("a").Verdict().Probes[1].Streak < 2 {
			pool.Sleep(100 * time.Millisecond)
		}
		pool.Reload(newHealth(live).with("role", role, CheckOptions{}))
		pool.Sleep(100 * time.Millisecond) // one more check
		pool.WantServing("b")
	}, newTwoProbes(live, role))
}

func TestTheStrictestAdviceCounts(t *testing.T) {
	calm, strict := &advisingProbe{scriptedProbe: newScriptedProbe()}, &advisingProbe{scriptedProbe: newScriptedProbe()}
	ready, drain, half, most, few, none := AdvisedReady, AdvisedDrain, 50, 90, 3, 0
	calm.advice.Store(&Advice{Mode: &ready, Percent: &most, MaxRequests: &none})
	strict.advice.Store(&Advice{Mode: &drain, Percent: &half, MaxRequests: &few})
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		pool.Sleep(time.Minute)
		a := pool.Endpoint("a")
		if got := a.Advice(); *got.Mode != drain || *got.Percent != half || *got.MaxRequests != few {
			t.Errorf("mode %d, %d%%, at most %d requests", *got.Mode, *got.Percent, *got.MaxRequests)
		}
		strict.advice.Store(&Advice{}) // does not mention anything, so what it said stays
		pool.Reload(newTwoProbes(calm, strict))
		pool.Sleep(time.Minute)
		if got := a.Advice(); *got.Mode != drain || !a.Is(endpoint.DrainRequested) {
			t.Errorf("mode %d, though only one of two agents is ready", *got.Mode)
		}
		strict.advice.Store(&Advice{Mode: &ready})
		pool.Sleep(time.Minute)
		if got := a.Advice(); *got.Mode != ready || a.Is(endpoint.DrainRequested) {
			t.Errorf("mode %d, though both agents are ready", *got.Mode)
		}
	}, newTwoProbes(calm, strict))
}

func TestOnlyAPassOfAllProbesReadmits(t *testing.T) {
	detection := &outlier.Detection{Readmit: "probe"}
	if err := detection.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	live, role := newScriptedProbe(), newScriptedProbe()
	h := new(Health)
	h.Fall = 100 // no verdict changes in this test
	h.setDefaults()
	h.with("live", live, CheckOptions{}).with("role", role, CheckOptions{})
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		pool.Sleep(time.Minute)
		role.set(role.fails, "a", true)
		pool.Sleep(6 * time.Second)
		for range 5 {
			pool.Endpoint("a").Observe(endpoint.Result{Status: 500, Latency: time.Millisecond})
		}
		pool.Sleep(time.Minute)
		if b := pool.Endpoint("a").Breaker(); b != "open" {
			t.Errorf("the breaker is %s", b)
		}
		role.set(role.fails, "a", false)
		pool.Sleep(15 * time.Second)
		if b := pool.Endpoint("a").Breaker(); b != "closed" {
			t.Errorf("the breaker is %s", b)
		}
	}, h, detection)
}

func TestEachProbeKeepsThingsOfItsOwn(t *testing.T) {
	one, two := newKeepingProbe(), newKeepingProbe()
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		pool.Sleep(time.Minute)
		one.wantKept(t, 2, 2)
		two.wantKept(t, 2, 2)
		pool.SetEndpoints("a")
		one.wantKept(t, 1, 2)
		two.wantKept(t, 1, 2)
		two.set(true, false)
		pool.Sleep(6 * time.Second)
		one.wantKept(t, 1, 2)
		two.wantKept(t, 0, two.opened)
		pool.Reload()
		one.wantKept(t, 0, 2)
	}, newTwoProbes(one, two))
}

func TestAProbeThatHangsDoesNotDelayAnother(t *testing.T) {
	live, role := newScriptedProbe(), newScriptedProbe()
	var names []string
	for i := range 1000 {
		names = append(names, fmt.Sprint("h", i))
		role.hangs[names[i]] = true
	}
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints(names...)
		pool.Sleep(time.Minute)
		before := len(live.times("h7"))
		pool.Sleep(time.Minute)
		if n := len(live.times("h7")) - before; n < 10 {
			t.Errorf("%d checks in 12 intervals by the probe that is answered", n)
		}
		if n := live.maxRunning + role.maxRunning; n > 2*queueConcurrency {
			t.Errorf("%d checks at once", n)
		}
	}, newTwoProbes(live, role))
}
