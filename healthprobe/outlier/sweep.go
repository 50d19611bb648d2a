package outlier

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// seen is what an endpoint did in an interval.
type seen struct {
	endpoint *endpoint.Endpoint
	endpoint.Window
}

func (s *seen) failureRate() float64 { return float64(s.Failures) / float64(s.Requests) }
func (s *seen) successRate() float64 { return 1 - s.failureRate() }
func (s *seen) meanLatency() time.Duration {
	return s.Latency / time.Duration(s.Timed)
}

// sweep judges the interval that ends now.
func (d *detector) sweep() {
	d.mu.Lock()
	members := slices.Collect(maps.Keys(d.members))
	d.mu.Unlock()
	var windows []seen
	for _, e := range members {
		w := e.Tally.Rotate()
		if e.Is(endpoint.Ejected | endpoint.HalfOpen) {
			continue
		}
		d.forgive(e, time.Now())
		windows = append(windows, seen{e, w})
	}
	// In an order that does not depend on the map, worst first, since not all may go.
	slices.SortFunc(windows, func(a, b seen) int {
		return cmp.Or(cmp.Compare(b.Failures*max(a.Requests, 1), a.Failures*max(b.Requests, 1)), cmp.Compare(a.endpoint.Address(), b.endpoint.Address()))
	})
	for _, v := range d.verdicts(windows) {
		d.eject(v.endpoint, v.reason)
	}
}

// forgive takes one ejection back for each whole interval without.
func (o *Detection) forgive(e *endpoint.Endpoint, now time.Time) {
	switch j := e.Ejection(); {
	case j == nil || now.Sub(j.Until) < time.Duration(o.Interval):
	case j.Times <= 1:
		e.SetEjection(nil)
	default:
		less := *j
		less.Times--
		e.SetEjection(&less)
	}
}

// outlying is an endpoint that stood out, and how.
type outlying struct {
	endpoint *endpoint.Endpoint
	reason   string
}

// verdicts are the endpoints that stand out in an interval, each with the first of the rules that says so.
func (o *Detection) verdicts(windows []seen) []outlying {
	var all []outlying
	rules := []func(*seen) string{o.failureRule(), o.successRule(windows), o.latencyRule(windows)}
	for i := range windows {
		for _, rule := range rules {
			if reason := rule(&windows[i]); reason != "" {
				all = append(all, outlying{windows[i].endpoint, reason})
				break
			}
		}
	}
	return all
}

func noRule(*seen) string { return "" }

func (o *Detection) failureRule() func(*seen) string {
	if o.FailurePercentage == never {
		return noRule
	}
	return func(s *seen) string {
		if s.Requests < o.MinRequests || s.Failures == 0 || s.failureRate()*100 < o.FailurePercentage {
			return ""
		}
		return fmt.Sprintf("%.0f%% of %d requests failed", s.failureRate()*100, s.Requests)
	}
}

const (
	// Envoy's numbers: fewer endpoints have no meaningful deviation, and the share of
	// fewer requests is mostly chance.
	minDeviating    = 5
	minDeviatingFor = 2 // times MinRequests

	// leastDifference keeps a single failure in a thousand requests from being an outlier where all others had none.
	leastDifference = 0.01
)

// successRule compares shares of successes with the mean of all. It takes the deviation of the population, as
// with that of a sample one bad of five would never be far enough away.
func (o *Detection) successRule(windows []seen) func(*seen) string {
	var rates []float64
	for i := range windows {
		if windows[i].Requests >= o.MinRequests*minDeviatingFor {
			rates = append(rates, windows[i].successRate())
		}
	}
	if o.SuccessRate == never || len(rates) < minDeviating {
		return noRule
	}
	mean, deviation := meanAndDeviation(rates)
	least := min(mean-o.SuccessRate*deviation, mean-leastDifference)
	return func(s *seen) string {
		if s.Requests < o.MinRequests*minDeviatingFor || s.successRate() >= least {
			return ""
		}
		return fmt.Sprintf("%.1f%% of %d requests worked, where %.1f%% do on average", s.successRate()*100, s.Requests, mean*100)
	}
}

func meanAndDeviation(values []float64) (mean, deviation float64) {
	for _, v := range values {
		mean += v
	}
	mean /= float64(len(values))
	for _, v := range values {
		deviation += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(deviation / float64(len(values)))
}

const (
	// Of two endpoints nobody can tell which one is slow.
	minCompared = 3

	// leastDelay is a difference that nobody notices, however many times the median it is.
	leastDelay = 5 * time.Millisecond
)

func (o *Detection) latencyRule(windows []seen) func(*seen) string {
	var means []time.Duration
	for i := range windows {
		if windows[i].Timed >= o.MinRequests {
			means = append(means, windows[i].meanLatency())
		}
	}
	if o.Latency == never || len(means) < minCompared {
		return noRule
	}
	slices.Sort(means)
	median := means[(len(means)-1)/2]
	return func(s *seen) string {
		if s.Timed < o.MinRequests || s.meanLatency() < median+leastDelay || float64(s.meanLatency()) < o.Latency*float64(median) {
			return ""
		}
		return fmt.Sprintf("it took %s on average, where the median is %s", s.meanLatency().Round(time.Millisecond/10), median.Round(time.Millisecond/10))
	}
}
