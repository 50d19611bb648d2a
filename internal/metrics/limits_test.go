package metrics

import (
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/limit"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// bounded are limits of all kinds.
var bounded = limit.Settings{
	Retries: limit.BudgetSettings{On: true}, Gate: limit.GateSettings{MaxInFlight: 1, QueueLength: 1},
	Adaptive: &limit.AdaptiveSettings{Min: 3, Max: 50, Tolerance: 1.5},
}

func TestTheLimitsOfAPoolAreShown(t *testing.T) {
	claim := startPool(t, endpoint.Definition{Owner: silent(), Limits: bounded}, 1)
	limits := claim.Roster.Limits()
	limits.Budget.Withdraw(load.Now())
	limits.Gate.TryEnter()
	limits.Gate.Set(limit.GateSettings{MaxInFlight: 1}) // so that nothing waits
	limits.Gate.Wait(t.Context(), limit.NewWaiter(limit.Sheddable))
	found := gather(t)
	for _, c := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"pool_refused_retries_total", nil, 1},
		{"pool_admitted_requests", nil, 1},
		{"endpoint_adaptive_limit", nil, 50},
		{"pool_admitted_requests_limit", nil, 1},
		{"pool_queued_requests_limit", nil, 1},
		{"pool_shed_requests_total", []string{"class=sheddable"}, 1},
		{"pool_queued_requests", []string{"class=normal"}, 0},
	} {
		if got := value(found, c.name, c.labels...); got != c.want {
			t.Errorf("%s%v = %v, want %v", c.name, c.labels, got, c.want)
		}
	}
}

func TestAPoolWithoutLimitsHasNoSeriesOfThem(t *testing.T) {
	startPool(t, endpoint.Definition{Owner: silent()}, 1)
	found := gather(t)
	for _, m := range []*metric{
		poolRefusedRetries, poolAdmitted, poolAdmittedLimit, poolWaiting, poolWaitingLimit, poolShed,
		endpointAdaptiveLimit,
	} {
		if found[m.name] != nil {
			t.Errorf("%s has series", m.name)
		}
	}
}
