package outlier

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// foundInIntervals applies latencyRule to 1,000 intervals of five endpoints with 50 answers each.
// The first takes factor times as long as the others. A share of all requests is dear, and takes
// 100 times as long as the cheap ones. It returns how often each kind of endpoint is found.
func foundInIntervals(t *testing.T, factor, dear float64) (slow, equal int) {
	d := newDetection(t, func(d *Detection) { d.Latency = 3 })
	random := rand.New(rand.NewPCG(1, 2))
	mean := (4 + factor) / 5 * (1 + 99*dear)
	for range 1000 {
		all := make([]sample, 5)
		for i := range all {
			var tally endpoint.Tally
			for range 50 {
				x := random.ExpFloat64()
				if random.Float64() < dear {
					x *= 100
				}
				if i == 0 {
					x *= factor
				}
				latency := time.Duration(x * float64(10*time.Millisecond))
				d.count(&tally, endpoint.Result{Status: 200, Latency: latency, Relative: x / mean}, false)
			}
			all[i] = sample{Window: tally.Rotate()}
		}
		apply := d.latencyRule(all)
		for i := range all {
			switch found := apply(&all[i]) != ""; {
			case found && i == 0:
				slow++
			case found:
				equal++
			}
		}
	}
	return slow, equal
}

func TestChanceFindsNoSlowEndpoint(t *testing.T) {
	for _, c := range []struct {
		factor, dear float64
		min          int // the intervals of 1,000 in which the slow endpoint is found
	}{
		{factor: 1, dear: 0, min: 0},
		{factor: 1, dear: .02, min: 0},
		{factor: 4, dear: 0, min: 600},
		{factor: 5, dear: 0, min: 900},
		{factor: 10, dear: 0, min: 1000},
		{factor: 10, dear: .01, min: 900},
	} {
		slow, equal := foundInIntervals(t, c.factor, c.dear)
		if c.factor == 1 {
			equal += slow
		}
		if slow < c.min || equal > 1 {
			t.Errorf("%v times as long, %v dear: found in %d intervals, and %d times one that is equal",
				c.factor, c.dear, slow, equal)
		}
	}
}
