package lbpolicy

import (
	"math"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

const (
	// noise is the relative difference from the mean below which latencies count as equal.
	// Differences below a fifth are mostly noise, and the requests in flight say more than they do.
	noise = 0.2

	// ageShare is the part of the mean age of waiting requests that counts as a lower bound of
	// their latency. Requests have waited for half their time on average, so a mean age above half
	// of the expected time means that they will take longer. A larger part would overrate the age
	// of one large request among few.
	ageShare = 0.5

	// latencyFloor is the minimum of an expected time, in seconds. The cost of an endpoint with an
	// expected time of 0 would be 0 for any number of requests in flight.
	latencyFloor = 10e-6
)

// loadReading is what an endpoint's load says at one moment.
type loadReading struct {
	latency   float64 // the estimate of the time to the first byte, in seconds
	certainty float64 // the part of the estimate that counts
	atLeast   float64 // a lower bound by the age of waiting requests, in seconds
	failures  float64
}

func readLoad(load *load.Load, now load.Instant, decay time.Duration) loadReading {
	latency, certainty := load.Latency(now, decay)
	_, age := load.Waiting(now)
	return loadReading{latency, certainty, age * ageShare, load.Failures(now, decay)}
}

// expectation returns how soon an answer is expected, given the mean latency of all endpoints and
// the penalty of a failure in seconds. The uncertain part of an estimate counts as average, so that
// an endpoint that was slow is tried again, and one that was fast is not flooded after a pause.
func (r *loadReading) expectation(mean, penalty float64) expectation {
	difference := r.latency - mean
	if math.Abs(difference) < noise*mean {
		difference = 0
	}
	seconds := max(mean+difference*r.certainty, r.atLeast, latencyFloor) + r.failures*penalty
	return expectation{seconds, r.certainty == 0}
}

// meanLatency returns the mean of the estimates, each weighted by its certainty.
func meanLatency(readings []loadReading) float64 {
	var sum, certainty float64
	for i := range readings {
		sum += readings[i].latency * readings[i].certainty
		certainty += readings[i].certainty
	}
	if certainty == 0 {
		return 0
	}
	return sum / certainty
}
