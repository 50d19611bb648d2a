package healthprobe

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpointtest"
)

func TestAnEndpointThatFailsGetsNothingUntilItPasses(t *testing.T) {
	p := newScriptedProbe()
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		pool.Sleep(time.Minute)
		p.set(p.fails, "a", true)
		pool.Sleep(5500*time.Millisecond + 2*1100*time.Millisecond)
		pool.WantServing("b")
		pool.WantLog("endpoint is unhealthy a:1: 3 of 3 checks failed, last: refused in 0s")
		p.set(p.fails, "a", false)
		pool.Sleep(6600 * time.Millisecond)
		pool.WantServing("a b")
		pool.WantLog("endpoint is healthy a:1: 2 of 2 checks passed")
	}, newHealth(p))
}

func TestAtTheStartEndpointsServeBeforeTheirFirstCheck(t *testing.T) {
	p := newScriptedProbe()
	p.hangs["a"] = true
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		pool.WantServing("a b")
		pool.Sleep(2 * time.Second)
		pool.WantServing("b")
	}, newHealth(p))
}

func TestANewEndpointWaitsForTheFirstCheckOfEachProbe(t *testing.T) {
	for name, health := range map[string]func(*scriptedProbe) *Health{
		"one probe":  func(p *scriptedProbe) *Health { return newHealth(p) },
		"two probes": func(p *scriptedProbe) *Health { return newTwoProbes(newScriptedProbe(), p) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newScriptedProbe()
			p.hangs["new"], p.fails["bad"] = true, true
			endpointtest.Run(t, func(pool *endpointtest.Pool) {
				pool.SetEndpoints("a")
				pool.Sleep(time.Minute)
				pool.SetEndpoints("a", "bad", "good", "new")
				pool.WantServing("a")
				pool.Sleep(100 * time.Millisecond)
				pool.WantServing("a good")
				p.set(p.hangs, "new", false)
				pool.Sleep(2 * time.Second) // its first check timed out
				pool.WantServing("a good")
				pool.Sleep(7 * time.Second)
				pool.WantServing("a good new")
			}, health(p))
		})
	}
}

func TestNewEndpointsServeAtOnceIfNoOtherIsThere(t *testing.T) {
	p := newScriptedProbe()
	p.hangs["b"] = true
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a")
		pool.Sleep(time.Minute)
		pool.SetEndpoints("b")
		pool.WantServing("b")
	}, newHealth(p))
}

func TestInitialUnhealthyWaitsForTheFirstPass(t *testing.T) {
	p := newScriptedProbe()
	p.hangs["a"] = true
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		pool.WantServing("")
		pool.Sleep(100 * time.Millisecond)
		pool.WantServing("b")
		pool.WantLog("endpoint is healthy b:1: its first check passed")
	}, newHealth(p, func(h *Health) { h.Initial = initialUnhealthy }))
}

func TestInitialHealthyLetsNewEndpointsServeAtOnce(t *testing.T) {
	p := newScriptedProbe()
	p.hangs["b"] = true
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a")
		pool.Sleep(time.Minute)
		pool.SetEndpoints("a", "b")
		pool.WantServing("a b")
	}, newHealth(p, func(h *Health) { h.Initial = initialHealthy }))
}

func TestAnEndpointIsCheckedOncePerInterval(t *testing.T) {
	p := newScriptedProbe()
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a")
		pool.Sleep(10 * time.Minute)
		if n := len(p.times("a")); n < 109 || n > 134 { // 120 with a jitter of a tenth, and the first
			t.Errorf("%d checks in 120 intervals", n)
		}
	}, newHealth(p))
}

func TestAnEndpointWhoseVerdictMayChangeIsCheckedMoreOften(t *testing.T) {
	p := newScriptedProbe()
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a")
		pool.Sleep(time.Minute)
		p.set(p.fails, "a", true)
		pool.Sleep(time.Minute)
		times := p.times("a")
		i := slices.IndexFunc(times, func(at time.Time) bool { return at.Sub(times[0]) >= time.Minute })
		for k, want := range []time.Duration{time.Second, time.Second, 5 * time.Second, 5 * time.Second} {
			if gap := times[i+k+1].Sub(times[i+k]); gap < want*9/10 || gap > want*11/10 {
				t.Errorf("gap %d after the first failure is %s, not about %s", k, gap, want)
			}
		}
	}, newHealth(p))
}

func TestTenThousandEndpointsAreNotCheckedInOneInstant(t *testing.T) {
	p := newScriptedProbe()
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		var names []string
		for i := range 10_000 {
			names = append(names, fmt.Sprint("n", i))
		}
		pool.SetEndpoints(names...)
		pool.Sleep(30 * time.Second)
		perTenth := map[int]int{}
		for _, name := range names {
			times := p.times(name)
			if len(times) < 5 {
				t.Fatalf("%s was checked %d times in 6 intervals", name, len(times))
			}
			for _, at := range times {
				perTenth[int(at.Sub(p.checks[names[0]][0])/(100*time.Millisecond))]++
			}
		}
		for tenth, n := range perTenth {
			if n > 450 { // 200 is even; the second check comes at a random time in the interval after the first
				t.Errorf("%d checks in tenth %d of a second", n, tenth)
			}
		}
	}, newHealth(p))
}

func TestChecksThatHangDelayNoOthers(t *testing.T) {
	p := newScriptedProbe()
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		var names []string
		for i := range 1000 {
			names = append(names, fmt.Sprint("h", i))
			p.hangs[names[i]] = true
		}
		pool.SetEndpoints(append(names, "a")...)
		pool.Sleep(time.Minute)
		before := len(p.times("a"))
		pool.Sleep(time.Minute)
		if n := len(p.times("a")) - before; n < 10 {
			t.Errorf("%d checks in 12 intervals of the endpoint that answers", n)
		}
		if p.maxRunning > 2*queueConcurrency {
			t.Errorf("%d checks at once", p.maxRunning)
		}
	}, newHealth(p))
}

func TestAnEndpointThatLeavesIsNoLongerChecked(t *testing.T) {
	p := newScriptedProbe()
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		p.set(p.fails, "b", true)
		pool.Sleep(time.Minute)
		b := pool.Endpoint("b")
		pool.SetEndpoints("a")
		before := len(p.times("b"))
		pool.Sleep(time.Minute)
		if n := len(p.times("b")); n != before || b.Conditions() != 0 {
			t.Errorf("%d more checks, conditions %b", n-before, b.Conditions())
		}
	}, newHealth(p))
}
