package lbpolicy

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

// SplitGuard stops a group that is worse than the default group: its share becomes 0, until an
// operator sets another one or leaves it to the config. It compares answers to real requests, route
// by route, so that a group is not worse for getting other requests. It needs a pool.
type SplitGuard struct {
	// How many times the error ratio of the default group that of another one may be, from 1 to
	// 1000. Errors are statuses from 500 on, and attempts without an answer. A ratio below 0.1 % is
	// never worse. Negative is off. Default: 2.
	Errors float64 `json:"errors,omitempty"`

	// How many times the 99th percentile of the time to first byte in the default group that of
	// another one may be, from 1 to 1000. It must be 5 ms longer as well. Negative is off. Default:
	// 2.
	P99 float64 `json:"p99,omitempty"`

	// How certain it must be that a group is worse, in percent, from 90 to 99.9999. At 99.9, chance
	// is the reason for one of 1000 comparisons at most that find a group worse which is just as
	// bad as it may be. Default: 99.9.
	Confidence float64 `json:"confidence,omitempty"`

	// The time whose answers are compared. Older ones are forgotten when twice this time is over.
	// Default: 10m.
	Window caddy.Duration `json:"window,omitempty"`

	// The minimum number of answers of a group, and of the default group on the same routes, that
	// are compared. With fewer, nothing is said of the group. Default: 100.
	MinRequests int `json:"min_requests,omitempty"`
}

const (
	off              = -1 // a comparison that is not made
	defaultFactor    = 2
	maxFactor        = 1000
	defaultSureness  = 99.9
	minSureness      = 90
	maxSureness      = 99.9999
	defaultWindow    = 10 * time.Minute
	defaultCompared  = 100
	maxCompared      = 1_000_000
	minWindow        = 10 * time.Second
	maxWindow        = 24 * time.Hour
	minErrorRatio    = .001
	minSlower        = 5 * time.Millisecond
	minRouteCompared = 100 // answers of the default group on a route, of which one is slower than its p99
)

// UnmarshalJSON refuses zeros that would become defaults.
func (g *SplitGuard) UnmarshalJSON(data []byte) error {
	type fields SplitGuard
	return options.Decode(data, (*fields)(g), "errors", "p99", "confidence", "window", "min_requests")
}

func (g *SplitGuard) options() []caddyfile.Param {
	return []caddyfile.Param{
		caddyfile.OrOff(caddyfile.Float("errors", &g.Errors, 1, maxFactor), &g.Errors, off),
		caddyfile.OrOff(caddyfile.Float("p99", &g.P99, 1, maxFactor), &g.P99, off),
		caddyfile.Checked("confidence", "a percentage", func(text string) error {
			percent, ok := parsePercent(text)
			if g.Confidence = percent; !ok || percent < minSureness || percent > maxSureness {
				return fmt.Errorf("'%s' is not a percentage from %v%% to %v%%, such as 99.9%%",
					text, minSureness, maxSureness)
			}
			return nil
		}),
		caddyfile.DurationFrom("window", &g.Window, minWindow),
		caddyfile.Int("min_requests", &g.MinRequests, 1, maxCompared),
	}
}

// check checks the settings, and sets defaults.
func (g *SplitGuard) check() error {
	g.Errors, g.P99 = cmp.Or(g.Errors, defaultFactor), cmp.Or(g.P99, defaultFactor)
	g.Confidence = cmp.Or(g.Confidence, defaultSureness)
	g.Window = cmp.Or(g.Window, caddy.Duration(defaultWindow))
	g.MinRequests = cmp.Or(g.MinRequests, defaultCompared)
	for name, factor := range map[string]float64{"errors": g.Errors, "p99": g.P99} {
		if factor >= 0 && factor < 1 || factor > maxFactor {
			return fmt.Errorf("%s: %v is not between 1 and %d, or negative", name, factor, maxFactor)
		}
	}
	switch {
	case g.Errors < 0 && g.P99 < 0:
		return errors.New("errors and p99 are off; expected one of them at least")
	case !(g.Confidence >= minSureness && g.Confidence <= maxSureness):
		return fmt.Errorf("confidence: %v is not between %v and %v", g.Confidence, minSureness, maxSureness)
	case time.Duration(g.Window) > maxWindow:
		return fmt.Errorf("window: %v is more than %v", time.Duration(g.Window), maxWindow)
	case g.MinRequests < 1 || g.MinRequests > maxCompared:
		return fmt.Errorf("min_requests: %d is not between 1 and %d", g.MinRequests, maxCompared)
	}
	return options.AtLeast("window", g.Window, minWindow)
}

// chance is the maximum probability that a group which is just as bad as it may be is found worse
// by one comparison.
func (g *SplitGuard) chance() float64 { return 1 - g.Confidence/100 }
