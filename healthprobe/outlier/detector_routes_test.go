package outlier

import (
	"slices"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/endpointtest"
)

// anywhere is a failure of a route that fails at all endpoints.
var anywhere = endpoint.Result{Status: 503, Latency: time.Millisecond, Expected: .9}

func TestAFailureThatIsUsualForItsRouteNeitherCountsNorBreaksARow(t *testing.T) {
	half := anywhere
	half.Expected = .5
	unreachable := endpoint.Result{Failed: true, Unreachable: true, Expected: .9}
	for name, c := range map[string]struct {
		results []endpoint.Result
		ejects  bool
	}{
		"fails anywhere":              {append(times(1, worked), times(50, anywhere)...), false},
		"fails as often as not":       {append(times(1, worked), times(5, half)...), true},
		"between others":              {slices.Concat(times(1, worked), times(4, failed), times(9, anywhere), times(1, failed)), true},
		"of one that never answered":  {times(5, anywhere), true},
		"without a connection":        {append(times(1, worked), times(5, unreachable)...), true},
		"with an answer between them": {slices.Concat(times(4, failed), times(1, worked), times(4, failed)), false},
	} {
		t.Run(name, func(t *testing.T) {
			endpointtest.Run(t, func(pool *endpointtest.Pool) {
				pool.SetEndpoints("a", "b")
				observe(pool, "a", c.results...)
				if got := pool.Endpoint("a").Is(endpoint.Ejected); got != c.ejects {
					t.Errorf("ejected: %v", got)
				}
			}, newDetection(t))
		})
	}
}

func TestAFailureThatIsUsualForItsRouteIsNoTrial(t *testing.T) {
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		observe(pool, "a", append(times(1, worked), times(5, failed)...)...)
		pool.Sleep(34 * time.Second)
		trial := anywhere
		trial.Trial = true
		observe(pool, "a", trial)
		if b := pool.Endpoint("a").Breaker(); b != "half-open" {
			t.Errorf("the breaker is %s", b)
		}
		trial = failed
		trial.Trial = true
		observe(pool, "a", trial)
		if b := pool.Endpoint("a").Breaker(); b != "open" {
			t.Errorf("the breaker is %s", b)
		}
	}, newDetection(t))
}

func TestRequestsOfARouteThatMostlyFailsAreNoPartOfTheShare(t *testing.T) {
	for name, c := range map[string]struct {
		results []endpoint.Result
		ejects  bool
	}{
		"failures of the route":  {append(times(100, anywhere), times(60, worked)...), false},
		"successes of the route": {append(times(100, endpoint.Result{Status: 200, Expected: .9}), times(60, failed)...), true},
		"half of the others":     {append(times(50, worked), times(50, failed)...), true},
		"usual, but not mostly":  {append(times(50, worked), times(50, endpoint.Result{Status: 500, Expected: .4})...), true},
	} {
		t.Run(name, func(t *testing.T) {
			endpointtest.Run(t, func(pool *endpointtest.Pool) {
				pool.SetEndpoints("a", "b")
				observe(pool, "a", worked)
				observe(pool, "a", c.results...)
				pool.Sleep(10 * time.Second)
				if got := pool.Endpoint("a").Is(endpoint.Ejected); got != c.ejects {
					t.Errorf("ejected: %v", got)
				}
			}, newDetection(t, func(d *Detection) {
				d.ConsecutiveFailures, d.ConsecutiveGatewayFailures, d.FailurePercentage = off, off, 49
			}))
		})
	}
}

func TestOneAnswerCountsOnlyWithinBounds(t *testing.T) {
	d := newDetection(t, func(d *Detection) { d.Latency = 3 })
	const ms = time.Millisecond
	for _, c := range []struct {
		latency  time.Duration
		relative float64
		want     endpoint.Window
	}{
		{30 * time.Second, 6000, endpoint.Window{Requests: 1, Timed: 1, Relative: 12, Squares: 144, Extra: maxExtra}},
		{ms, .0001, endpoint.Window{Requests: 1, Timed: 1, Extra: -maxExtra}},
		{30 * ms, 1.5, endpoint.Window{Requests: 1, Timed: 1, Relative: 1.5, Squares: 2.25, Extra: 10 * ms}},
		{30 * ms, 0, endpoint.Window{Requests: 1}},
	} {
		var tally endpoint.Tally
		d.count(&tally, endpoint.Result{Status: 200, Latency: c.latency, Relative: c.relative}, false)
		if got := tally.Rotate(); got != c.want {
			t.Errorf("an answer that takes %v times as long counts as %+v, want %+v", c.relative, got, c.want)
		}
	}
}

func TestTheSpeedOfARefusalDoesNotCount(t *testing.T) {
	d := newDetection(t, func(d *Detection) { d.Latency = 3 })
	var tally endpoint.Tally
	d.count(&tally, endpoint.Result{Status: 429, Latency: time.Millisecond, Relative: .1}, false)
	if got := tally.Rotate(); got.Timed != 0 || got.Requests != 1 {
		t.Errorf("a 429 counts as %+v", got)
	}
}

func TestCountingDoesNotAllocate(t *testing.T) {
	d := newDetection(t, func(d *Detection) { d.Latency = 3 })
	r := endpoint.Result{Status: 200, Latency: time.Millisecond, Relative: .5, Expected: .001}
	var tally endpoint.Tally
	if n := testing.AllocsPerRun(100, func() { d.count(&tally, r, false) }); n > 0 {
		t.Errorf("counting a result allocates %v times", n)
	}
}
