package outlier

import (
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/endpointtest"
)

// trial is the result of the request that tests a half-open endpoint.
func trial(r endpoint.Result) endpoint.Result {
	r.Trial = true
	return r
}

func TestOnlyATrialCountsAtAHalfOpenEndpoint(t *testing.T) {
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		observe(pool, "a", times(5, failed)...)
		pool.Sleep(34 * time.Second)
		observe(pool, "a", failed, refused, worked) // they were sent before the ejection
		if a := pool.Endpoint("a"); a.Breaker() != "half-open" {
			t.Errorf("the breaker is %s", a.Breaker())
		}
	}, newDetection(t))
}
