package pool

import (
	"cmp"
	"fmt"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/limit"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

// AdaptiveLimit limits the requests that an endpoint works on at once to what it serves at once,
// and a queue beside. Choose it for endpoints whose maximum is not known, or changes.
//
// There is no limit before an endpoint has a queue that does not empty, and none any more after a
// minute in which the limit was not needed. What an endpoint serves at once is the number of its
// requests, divided by how much longer they take than requests of the same routes that meet an
// endpoint with room. Requests that are no work do not count: long polls, upgraded connections,
// uploads, and answers that are being read.
//
// What is beyond the limits of all endpoints waits in the `queue`, or gets the status 503 with a
// header `Retry-After` at once if there is none.
//
// The algorithm follows the gradient of the latency, as Netflix's Gradient2 (Landau, Thurston and
// Bozarth, 2018) and Envoy's adaptive concurrency. It tells a queue from a burst as CoDel does
// (Nichols and Jacobson, 2012).
type AdaptiveLimit struct {
	// The minimum of the limit, from 1 to 1000000. Default: 3.
	Min int `json:"min,omitempty"`

	// The maximum of the limit, from `min` to 1000000. It holds from the start. Default: none.
	Max int `json:"max,omitempty"`

	// How many times as long as at an endpoint with room answers may take, from 1.1 to 10. With
	// less, fewer requests wait at endpoints. With more, an endpoint has always some to do.
	// Default: 1.5.
	Tolerance float64 `json:"tolerance,omitempty"`
}

const (
	defaultLeastLimit = 3
	defaultTolerance  = 1.5
	minTolerance      = 1.1
	maxTolerance      = 10
)

// UnmarshalJSON refuses zeros that would become defaults.
func (a *AdaptiveLimit) UnmarshalJSON(data []byte) error {
	type fields AdaptiveLimit
	return options.Decode(data, (*fields)(a), "min", "max", "tolerance")
}

func (o *LimitOptions) adaptiveLimitOption() caddyfile.Param {
	var given AdaptiveLimit
	return caddyfile.SectionInto("adaptive_limit", &o.AdaptiveLimit, &given,
		places("min", &given.Min),
		places("max", &given.Max),
		caddyfile.Float("tolerance", &given.Tolerance, minTolerance, maxTolerance),
	)
}

func (o *LimitOptions) checkAdaptiveLimit() error {
	if o.AdaptiveLimit == nil {
		return nil
	}
	s := o.adaptiveSettings()
	if s.Tolerance < minTolerance || s.Tolerance > maxTolerance {
		return fmt.Errorf("adaptive_limit: tolerance: %v is not a number from %v to %v",
			s.Tolerance, minTolerance, maxTolerance)
	}
	most := cmp.Or(s.Max, maxPlaces)
	err := cmp.Or(
		checkPlaces("adaptive_limit: min", &s.Min),
		checkPlaces("adaptive_limit: max", &most),
	)
	if err == nil && most < s.Min {
		err = fmt.Errorf("adaptive_limit: max: %d is below min, which is %d", most, s.Min)
	}
	return err
}

// adaptiveSettings returns nil if there are no adaptive limits.
func (o *LimitOptions) adaptiveSettings() *limit.AdaptiveSettings {
	a := o.AdaptiveLimit
	if a == nil {
		return nil
	}
	return &limit.AdaptiveSettings{
		Min: cmp.Or(a.Min, defaultLeastLimit), Max: a.Max,
		Tolerance: cmp.Or(a.Tolerance, defaultTolerance),
	}
}
