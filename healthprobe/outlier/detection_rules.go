package outlier

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/count"
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

	// minDifference is the share of surprising failures by which an outlier must exceed the mean.
	// Without it, one failure in a thousand requests would be an outlier if all other endpoints had
	// none.
	minDifference = 0.01

	// minNats is how unlikely the failures of an outlier must be by chance, as a logarithm: less
	// than one in e^10 = 22,000. Among ten equal endpoints, one is 1.9 deviations from the mean in
	// every fourth interval.
	minNats = 10

	// standardErrors is the number of standard errors that latencyRule grants an endpoint. A single
	// very long answer raises the mean and the standard error alike, so that one grants it. With
	// two, an endpoint whose times vary as much as exponential ones is found at four times the
	// usual in only a third of the intervals with 50 answers.
	standardErrors = 1

	// minMeans is the number of endpoints that latencyRule needs. Of two endpoints, it is unknown
	// which one is slow.
	minMeans = 3

	// minDelay is the time by which the answers of an outlier must be slower than those of the
	// median endpoint. Less does not matter to users, however many times the usual it is.
	minDelay = 5 * time.Millisecond
)

// failureRule compares the share of failures with a fixed limit.
//
// It does not subtract the failures that are usual for the routes, as successRule does: a user who
// limits them to half of the requests means half. Requests of routes that fail more often than not
// are left out of the window.
func (d *Detection) failureRule() rule {
	if d.FailurePercentage == off {
		return noRule
	}
	return func(s *sample) string {
		if s.Requests < d.MinRequests || s.Failures == 0 || s.failureRate()*100 < d.FailurePercentage {
			return ""
		}
		return fmt.Sprintf("%.0f%% of %s failed", s.failureRate()*100, count.Of(s.Requests, "request"))
	}
}

// successRule compares the share of surprising failures with the mean of all endpoints. It uses the
// deviation of the population and not that of a sample, with which one bad endpoint of five would
// never be far enough from the mean.
func (d *Detection) successRule(all []sample) rule {
	var shares []float64
	for i := range all {
		if all[i].Requests >= d.MinRequests*minRequestsFactor {
			shares = append(shares, all[i].surprise())
		}
	}
	if d.SuccessRate == off || len(shares) < minCompared {
		return noRule
	}
	mean, deviation := meanAndDeviation(shares)
	limit := max(mean+d.SuccessRate*deviation, mean+minDifference)
	return func(s *sample) string {
		// What is known of a route lags behind. Failures everywhere are a surprise for a while.
		usual := s.expectedRate() + max(mean, 0)
		if s.Requests < d.MinRequests*minRequestsFactor || s.surprise() <= limit || s.nats(usual) < minNats {
			return ""
		}
		return fmt.Sprintf("%.1f%% of %s failed, usual for their routes are %.1f%%",
			s.failureRate()*100, count.Of(s.Requests, "request"), usual*100)
	}
}

// nats returns how unlikely it is that so many requests fail by chance where a share of failures is
// usual: the negative logarithm of Chernoff's bound, which holds for any mix of shares.
func (s *sample) nats(usual float64) float64 {
	if s.failureRate() <= usual {
		return 0
	}
	share := s.failureRate()
	return float64(s.Requests) * (share*math.Log(share/usual) - share + usual)
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

// latencyRule compares the mean time to first byte, relative to the routes of the answers, with the
// median of all endpoints. It uses the median because one very slow endpoint would move a mean
// towards itself.
func (d *Detection) latencyRule(all []sample) rule {
	var means []float64
	var extras []time.Duration
	for i := range all {
		if all[i].Timed >= d.MinRequests {
			means = append(means, all[i].meanRelative())
			extras = append(extras, all[i].meanExtra())
		}
	}
	if d.Latency == off || len(means) < minMeans {
		return noRule
	}
	median, extra := lowerMedian(means), lowerMedian(extras)
	return func(s *sample) string {
		if s.Timed < d.MinRequests || s.meanExtra()-extra < minDelay {
			return ""
		}
		if s.meanRelative()-standardErrors*s.standardError() < d.Latency*median {
			return ""
		}
		return fmt.Sprintf("answers take %.1f times as long as usual for their routes, median of all endpoints %.1f",
			s.meanRelative(), median)
	}
}

func lowerMedian[T cmp.Ordered](values []T) T {
	slices.Sort(values)
	return values[(len(values)-1)/2]
}
