package outlier

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// rule returns why an endpoint is an outlier in an interval. It returns "" if it is none.
type rule func(*sample) string

func noRule(*sample) string { return "" }

const (
	// minCompared is the number of endpoints that a deviation needs. With fewer it has no meaning;
	// the number is Envoy's.
	minCompared = 5

	// minRequestsFactor is how many times MinRequests an endpoint needs for successRule. The share
	// of fewer requests is mostly chance; the number follows Envoy's.
	minRequestsFactor = 2

	// minDifference is the share of successes by which an outlier must be below the mean. Without
	// it, one failure in a thousand requests would be an outlier if all other endpoints had none.
	minDifference = 0.01

	// minMeans is the number of endpoints that latencyRule needs. Of two endpoints, it is unknown
	// which one is slow.
	minMeans = 3

	// minDelay is the time by which an outlier must be slower than the median. Less does not matter
	// to users, however many times the median it is.
	minDelay = 5 * time.Millisecond
)

// failureRule compares the share of failures with a fixed limit.
func (d *Detection) failureRule() rule {
	if d.FailurePercentage == off {
		return noRule
	}
	return func(s *sample) string {
		if s.Requests < d.MinRequests || s.Failures == 0 || s.failureRate()*100 < d.FailurePercentage {
			return ""
		}
		return fmt.Sprintf("%.0f%% of %d requests failed", s.failureRate()*100, s.Requests)
	}
}

// successRule compares the share of successes with the mean of all endpoints. It uses the deviation
// of the population and not that of a sample, with which one bad endpoint of five would never be
// far enough from the mean.
func (d *Detection) successRule(all []sample) rule {
	var rates []float64
	for i := range all {
		if all[i].Requests >= d.MinRequests*minRequestsFactor {
			rates = append(rates, all[i].successRate())
		}
	}
	if d.SuccessRate == off || len(rates) < minCompared {
		return noRule
	}
	mean, deviation := meanAndDeviation(rates)
	limit := min(mean-d.SuccessRate*deviation, mean-minDifference)
	return func(s *sample) string {
		if s.Requests < d.MinRequests*minRequestsFactor || s.successRate() >= limit {
			return ""
		}
		return fmt.Sprintf("%.1f%% of %d requests succeeded, mean of all endpoints %.1f%%",
			s.successRate()*100, s.Requests, mean*100)
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

// latencyRule compares the mean time to first byte with the median of all endpoints. It uses the
// median because one very slow endpoint would move a mean towards itself.
func (d *Detection) latencyRule(all []sample) rule {
	var means []time.Duration
	for i := range all {
		if all[i].Timed >= d.MinRequests {
			means = append(means, all[i].meanLatency())
		}
	}
	if d.Latency == off || len(means) < minMeans {
		return noRule
	}
	slices.Sort(means)
	median := means[(len(means)-1)/2]
	limit := max(median+minDelay, time.Duration(math.Ceil(d.Latency*float64(median))))
	return func(s *sample) string {
		if s.Timed < d.MinRequests || s.meanLatency() < limit {
			return ""
		}
		return fmt.Sprintf("mean latency %s, median of all endpoints %s",
			s.meanLatency().Round(time.Millisecond/10), median.Round(time.Millisecond/10))
	}
}
