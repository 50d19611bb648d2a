package outlier

import (
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/endpointtest"
)

func TestAnEjectionIsCountedWithTheRuleThatApplied(t *testing.T) {
	for name, c := range map[string]struct {
		results []endpoint.Result
		cause   endpoint.EjectionCause
	}{
		"failures in a row": {times(5, failed), endpoint.ConsecutiveFailures},
		"failures among others": {
			append(times(50, worked), alternately(300, failed, worked)...), endpoint.FailurePercentage,
		},
	} {
		t.Run(name, func(t *testing.T) {
			endpointtest.Run(t, func(pool *endpointtest.Pool) {
				pool.SetEndpoints("a", "b")
				observe(pool, "a", c.results...)
				pool.Sleep(15 * time.Second)
				var totals endpoint.Totals
				pool.Endpoint("a").AddTotals(&totals)
				var want [endpoint.EjectionCauseCount]uint64
				want[c.cause] = 1
				if totals.Ejections != want {
					t.Errorf("ejections by rule: %v, want one by %s", totals.Ejections, c.cause)
				}
			}, newDetection(t, func(d *Detection) { d.FailurePercentage = 30 }))
		})
	}
}

func alternately(n int, a, b endpoint.Result) (all []endpoint.Result) {
	for range n {
		all = append(all, a, b)
	}
	return all
}
