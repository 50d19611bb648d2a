package healthprobe

import (
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/healthprobe/outlier"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/endpointtest"
)

func TestWithReadmitProbeAPassedCheckReadmits(t *testing.T) {
	detection := &outlier.Detection{Readmit: "probe"}
	if err := detection.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	p := newScriptedProbe()
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		pool.Sleep(time.Minute)
		p.set(p.hangs, "a", true) // no check passes for now
		pool.Sleep(6 * time.Second)
		for range 5 {
			pool.Endpoint("a").Observe(endpoint.Result{Status: 500, Latency: time.Millisecond})
		}
		pool.Sleep(34 * time.Second)
		if b := pool.Endpoint("a").Breaker(); b != "open" {
			t.Errorf("the breaker is %s", b)
		}
		p.set(p.hangs, "a", false)
		pool.Sleep(15 * time.Second)
		if b := pool.Endpoint("a").Breaker(); b != "closed" {
			t.Errorf("the breaker is %s", b)
		}
	}, newHealth(p), detection)
}

func TestAnEjectionEndsEarlyWhenFailedChecksPassAgain(t *testing.T) {
	for readmit, want := range map[string]string{"request": "half-open", "probe": "closed"} {
		detection := &outlier.Detection{Readmit: readmit}
		if err := detection.Provision(caddy.Context{}); err != nil {
			t.Fatal(err)
		}
		p := newScriptedProbe()
		endpointtest.Run(t, func(pool *endpointtest.Pool) {
			pool.SetEndpoints("a", "b")
			pool.Sleep(time.Minute)
			for range 5 {
				pool.Endpoint("a").Observe(endpoint.Result{Failed: true})
			}
			p.set(p.fails, "a", true) // the checks notice it later than the requests
			pool.Sleep(10 * time.Second)
			if b := pool.Endpoint("a").Breaker(); b != "open" || !pool.Endpoint("a").Is(endpoint.ProbeFailed) {
				t.Fatalf("the breaker is %s", b)
			}
			p.set(p.fails, "a", false)
			pool.Sleep(8 * time.Second)
			if b := pool.Endpoint("a").Breaker(); b != want {
				t.Errorf("readmit %s: the breaker is %s, want %s", readmit, b, want)
			}
		}, newHealth(p), detection)
	}
}

func TestChecksThatNeverFailedEndNoEjectionEarly(t *testing.T) {
	detection := new(outlier.Detection)
	if err := detection.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		pool.Sleep(time.Minute)
		for range 5 {
			pool.Endpoint("a").Observe(endpoint.Result{Status: 500, Latency: time.Millisecond})
		}
		pool.Sleep(25 * time.Second)
		if b := pool.Endpoint("a").Breaker(); b != "open" {
			t.Errorf("the breaker is %s", b)
		}
	}, newHealth(newScriptedProbe()), detection)
}

func TestChecksThatAReloadAddsEndNoEjectionEarly(t *testing.T) {
	detection := new(outlier.Detection)
	if err := detection.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		pool.Sleep(time.Minute)
		for range 5 {
			pool.Endpoint("a").Observe(endpoint.Result{Status: 500, Latency: time.Millisecond})
		}
		pool.Sleep(time.Second)
		pool.Reload(newHealth(newScriptedProbe()), detection)
		pool.Sleep(20 * time.Second)
		if b := pool.Endpoint("a").Breaker(); b != "open" {
			t.Errorf("the breaker is %s", b)
		}
	}, detection)
}

func TestAnEndpointWithAnotherIDIsNotEjected(t *testing.T) {
	detection := new(outlier.Detection)
	if err := detection.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		setIDs(pool, "a=1", "b=2")
		for range 5 {
			pool.Endpoint("a").Observe(endpoint.Result{Status: 500, Latency: time.Millisecond})
		}
		pool.WantServing("b")
		setIDs(pool, "a=1", "b=3")
		pool.WantServing("b")
		setIDs(pool, "a=2", "b=3")
		pool.Sleep(100 * time.Millisecond)
		pool.WantServing("a b")
	}, detection)
}
