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
