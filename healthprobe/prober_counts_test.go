package healthprobe

import (
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/endpointtest"
)

func TestEachCheckIsCountedWithItsResultAndTime(t *testing.T) {
	p := newScriptedProbe()
	p.fails["b"], p.hangs["c"] = true, true
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b", "c")
		pool.Sleep(time.Minute)
		for name, result := range map[string]endpoint.CheckResult{
			"a": endpoint.CheckPassed, "b": endpoint.CheckFailed, "c": endpoint.CheckTimedOut,
		} {
			var totals endpoint.Totals
			pool.Endpoint(name).AddTotals(&totals)
			started := uint64(len(p.times(name)))
			// The last check may still be under way.
			if n := totals.Checks[result]; n != started && n != started-1 || n == 0 {
				t.Errorf("%s: %d of %d checks have the result %s", name, n, started, result)
			}
			if name == "c" && totals.CheckTime != time.Duration(totals.Checks[result])*time.Second {
				t.Errorf("%d checks up to their limit of 1 s took %s", totals.Checks[result], totals.CheckTime)
			}
		}
	}, newHealth(p, func(h *Health) { h.Timeout = 1e9 }))
}
