package simulation

import (
	"math/rand/v2"
	"time"
)

// exponential draws work from the distribution without memory, the usual model of requests of very
// different sizes.
func exponential(mean time.Duration) func(*rand.Rand) time.Duration {
	return func(r *rand.Rand) time.Duration { return time.Duration(r.ExpFloat64() * float64(mean)) }
}

// positiveNormal draws from a normal distribution whose deviation equals its mean, and drops values
// below zero, as the Prequal testbed does (Wydrowski et al., 2024). Cutting at zero raises the mean
// by φ(1)/Φ(1) = 0.2876 deviations. The division by 1.2876 corrects that.
func positiveNormal(mean time.Duration) func(*rand.Rand) time.Duration {
	return func(r *rand.Rand) time.Duration {
		x := -1.0
		for x <= 0 {
			x = 1 + r.NormFloat64()
		}
		return time.Duration(x / 1.2876 * float64(mean))
	}
}

// production draws the latencies of a real service, which Finagle ships (median 167 ms, deviation 5
// ms). It draws them by quantiles, as Finagle's own simulator does.
func production(r *rand.Rand) time.Duration {
	q, u := r.Float64(), r.Float64()
	for i := 1; ; i++ {
		if low, high := productionQuantiles[i-1], productionQuantiles[i]; q < high.share {
			return time.Duration((low.ms + u*(high.ms-low.ms)) * float64(time.Millisecond))
		}
	}
}

// productionQuantiles are the latencies below which a share of all responses lies. Between two of
// them production interpolates.
var productionQuantiles = []struct{ share, ms float64 }{
	{0, 164.1}, {.5, 167.5}, {.9, 176.7}, {.95, 181.7}, {.99, 192.3}, {.999, 198.8}, {1, 200},
}

// reporting draws the work of a page that reads much data: 150 ms that every one takes, and as much
// again on average.
func reporting(r *rand.Rand) time.Duration {
	return 150*time.Millisecond + time.Duration(r.ExpFloat64()*float64(150*time.Millisecond))
}

// exactly makes all work equal.
func exactly(work time.Duration) func(*rand.Rand) time.Duration {
	return func(*rand.Rand) time.Duration { return work }
}
