package healthprobe

import (
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/endpointtest"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// refuse records that an endpoint refused connections, as policies remember it.
func refuse(e *endpoint.Endpoint, times int) {
	const decay = 10 * time.Second
	var routes load.Routes
	key, now := load.KeyOf(load.Plain, "GET", "/"), load.Now()
	for range times {
		var request load.Request
		e.Load.Begin(&request, &routes, routes.Find(&key, now), false, now)
		e.Load.Conclude(&request, now, load.Unreachable, decay)
		e.Load.End(&request, now, decay)
	}
}

func alarms(e *endpoint.Endpoint) float64 { return e.Load.Read(load.Now(), 10*time.Second).Alarms }

func TestFailuresAreForgottenWhenAnUnhealthyEndpointRecovers(t *testing.T) {
	p := newScriptedProbe()
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		pool.Sleep(time.Minute)
		p.set(p.fails, "a", true)
		pool.Sleep(20 * time.Second)
		a := pool.Endpoint("a")
		refuse(a, 10)
		if !a.Is(endpoint.ProbeFailed) || alarms(a) < 3 {
			t.Fatalf("an endpoint that refuses connections and fails its checks has %v alarms", alarms(a))
		}
		p.set(p.fails, "a", false)
		pool.Sleep(8 * time.Second)
		if a.Is(endpoint.ProbeFailed) || alarms(a) > 0 {
			t.Errorf("after the recovery there are %v alarms", alarms(a))
		}
	}, newHealth(p))
}

func TestFailuresOfAnEndpointWhoseChecksPassAreRemembered(t *testing.T) {
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		pool.Sleep(time.Minute)
		refuse(pool.Endpoint("a"), 10)
		pool.Sleep(8 * time.Second)
		if n := alarms(pool.Endpoint("a")); n == 0 {
			t.Error("a check that passes as ever has ended the alarms")
		}
	}, newHealth(newScriptedProbe()))
}
