package outlier

import (
	"net/http"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

const (
	// mostlyFailing is the share of failures from which a route says nothing about an endpoint that
	// fails there too. Below it, a failure counts as one, however usual: a row of five at a half
	// has a chance of 3 % already, and a limit in percent means what its number says.
	mostlyFailing = .5

	// boundFactor is how many times the limit of latencyRule one answer counts at most. Times have
	// no upper bound, so that one answer of 30 s on a route of 5 ms would be the mean of thousands.
	// At four times the limit, an endpoint at the limit loses e^-4 = 2 % of its mean if its times
	// are exponential. A lower bound, such as the three means of package load, would hide it. With
	// ten times, a route with 2 % of requests that take 100 times as long ejected equal endpoints.
	boundFactor = 4

	// maxExtra is the time by which one answer counts as longer or shorter than usual at most. Long
	// polls differ by seconds, which would be minDelay on average whatever the others took.
	maxExtra = 10 * minDelay
)

// isExcused reports whether a failure says nothing about the endpoint, because the requests of its
// route fail more often than not at all endpoints.
//
// A connection that could not be made is no matter of the route. An endpoint that has never
// answered is not excused either: in a new pool its own failures are what is known of the route.
func isExcused(t *endpoint.Tally, r endpoint.Result) bool {
	return r.Expected > mostlyFailing && !r.Unreachable && t.Answered()
}

// count adds a result that is not excused to the window of the endpoint. How fast a 429 was says
// nothing about a request that is served.
func (d *Detection) count(t *endpoint.Tally, r endpoint.Result, failed bool) {
	if failed || r.Expected <= mostlyFailing {
		t.CountResult(failed, min(r.Expected, mostlyFailing))
	}
	if failed {
		return
	}
	t.SetAnswered()
	if d.Latency != off && r.Relative > 0 && r.Status != http.StatusTooManyRequests {
		usual := time.Duration(float64(r.Latency) / r.Relative)
		t.CountLatency(min(r.Relative, boundFactor*d.Latency), min(max(r.Latency-usual, -maxExtra), maxExtra))
	}
}
