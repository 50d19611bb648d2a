package outlier

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// sample is the results of one endpoint in one interval.
type sample struct {
	endpoint *endpoint.Endpoint
	endpoint.Window
}

func (s *sample) failureRate() float64 { return float64(s.Failures) / float64(s.Requests) }

func (s *sample) successRate() float64 { return 1 - s.failureRate() }

func (s *sample) meanLatency() time.Duration { return s.Latency / time.Duration(s.Timed) }

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
		d.eject(found.endpoint, found.reason)
	}
}

// worstFirst orders samples by their failure rate, because not all outliers may be ejected. The
// order does not depend on that of a map.
func worstFirst(a, b sample) int {
	return cmp.Or(
		cmp.Compare(b.Failures*max(a.Requests, 1), a.Failures*max(b.Requests, 1)),
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
	reason   string
}

// outliers returns the endpoints that stand out in an interval, each with the reason of the first
// rule that applies.
func (d *Detection) outliers(all []sample) []outlier {
	var found []outlier
	rules := []rule{d.failureRule(), d.successRule(all), d.latencyRule(all)}
	for i := range all {
		for _, apply := range rules {
			if reason := apply(&all[i]); reason != "" {
				found = append(found, outlier{all[i].endpoint, reason})
				break
			}
		}
	}
	return found
}
