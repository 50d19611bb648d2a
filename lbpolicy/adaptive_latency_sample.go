package lbpolicy

import (
	"math"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

const (
	// A difference to the average below a fifth is noise as often as not. Following it does
	// harm: the requests in flight say more.
	noise = 0.2
	// Requests wait for half their time on average, so a mean age of more than half of what
	// is expected says that they will take longer. This is the share of it that counts:
	// among few requests the age of one that is merely large would count too much.
	ageShare = 0.5
	// 0 times any number of requests in flight would still be 0.
	latencyFloor = 10e-6
)

// glance is what an endpoint's load says at a moment.
type loadSample struct {
	latency   float64 // seconds to the first byte, as estimated
	certainty float64 // how much of the estimate counts
	atLeast   float64 // seconds, by the age of what waits there
	failures  float64
}

func sample(load *load.Load, now load.Instant, decay time.Duration) loadSample {
	latency, certainty := load.Latency(now, decay)
	_, age := load.Waiting(now)
	return loadSample{latency, certainty, age * ageShare, load.Failures(now, decay)}
}

// expectation is how soon an answer is expected, given the mean latency of all. What is not
// certain is taken to be average: an endpoint that was slow gets another look, and one that
// was fast is not flooded after a rest. Each failure counts as so many seconds.
func (g *loadSample) expectation(mean, failure float64) expectation {
	difference := g.latency - mean
	if math.Abs(difference) < noise*mean {
		difference = 0
	}
	seconds := max(mean+difference*g.certainty, g.atLeast, latencyFloor) + g.failures*failure
	return expectation{seconds, g.certainty == 0}
}

// meanLatency is the mean of the estimates, each counted for as much as it is certain.
func meanLatency(glances []loadSample) float64 {
	var sum, certainty float64
	for i := range glances {
		sum += glances[i].latency * glances[i].certainty
		certainty += glances[i].certainty
	}
	if certainty == 0 {
		return 0
	}
	return sum / certainty
}
