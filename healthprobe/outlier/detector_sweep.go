package outlier

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// sample is the results of one endpoint in one interval.
type sample struct {
	endpoint *endpoint.Endpoint
	endpoint.Window
}

func (s *sample) failureRate() float64 { return float64(s.Failures) / float64(max(s.Requests, 1)) }

// expectedRate is the share of failures that is usual for the routes of the requests.
func (s *sample) expectedRate() float64 { return s.Expected / float64(max(s.Requests, 1)) }

// surprise is the share of failures beyond those that are usual.
func (s *sample) surprise() float64 { return s.failureRate() - s.expectedRate() }

// meanRelative is the mean latency relative to the routes of the answers.
func (s *sample) meanRelative() float64 { return s.Relative / float64(s.Timed) }

// standardError is by how much meanRelative differs from its true value by chance. Of a single
// answer, it is as large as the mean.
func (s *sample) standardError() float64 {
	n := float64(s.Timed)
	if n < 2 {
		return s.meanRelative()
	}
	return math.Sqrt(max(s.Squares-s.Relative*s.Relative/n, 0) / (n - 1) / n)
}

// meanExtra is the mean time by which answers took longer than usual.
func (s *sample) meanExtra() time.Duration { return s.Extra / time.Duration(s.Timed) }

// sweep judges the interval that ends now, and ejects the outliers.
func (d *detector) sweep() {
	d.mu.Lock()
	members := slices.Collect(maps.Keys(d.members))
	d.mu.Unlock()
	var all []sample
	for _, e := range members {
		window := e.Tally.Rotate()
		if e.Is(endpoint.Ejected | endpoint.HalfOpen) {
			continue
		}
		d.takeBackEjection(e, time.Now())
		all = append(all, sample{e, window})
	}
	slices.SortFunc(all, worstFirst)
	for _, found := range d.outliers(all) {
		d.eject(found.endpoint, found.cause, found.reason)
	}
}

// worstFirst orders samples by their surprising failures, because not all outliers may be ejected.
// The order does not depend on that of a map.
func worstFirst(a, b sample) int {
	return cmp.Or(
		cmp.Compare(b.surprise(), a.surprise()),
		cmp.Compare(a.endpoint.Address(), b.endpoint.Address()),
	)
}

// takeBackEjection reduces the number of ejections in a row after a whole interval without one.
func (d *Detection) takeBackEjection(e *endpoint.Endpoint, now time.Time) {
	switch last := e.Ejection(); {
	case last == nil || now.Sub(last.Until) < time.Duration(d.Interval):
	case last.Times <= 1:
		e.SetEjection(nil)
	default:
		fewer := *last
		fewer.Times--
		e.SetEjection(&fewer)
	}
}

// outlier is an endpoint to eject.
type outlier struct {
	endpoint *endpoint.Endpoint
	cause    endpoint.EjectionCause
	reason   string
}

// outliers returns the endpoints that stand out in an interval, each with the reason of the first
// rule that applies.
func (d *Detection) outliers(all []sample) []outlier {
	var found []outlier
	rules := []struct {
		apply rule
		cause endpoint.EjectionCause
	}{
		{d.failureRule(), endpoint.FailurePercentage},
		{d.successRule(all), endpoint.SuccessRate},
		{d.latencyRule(all), endpoint.SlowAnswers},
	}
	for i := range all {
		for _, r := range rules {
			if reason := r.apply(&all[i]); reason != "" {
				found = append(found, outlier{all[i].endpoint, r.cause, reason})
				break
			}
		}
	}
	return found
}
