package healthprobe

import (
	"cmp"
	"fmt"
	"math"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

// CheckOptions say how often an endpoint is checked, and how many results in a row change the
// verdict.
type CheckOptions struct {
	// The time from one check of an endpoint to the next, with a jitter of a tenth. The minimum is
	// 100ms. A shorter interval notices failures earlier and costs CPU time here and at the
	// endpoints: 10,000 endpoints at 5s take about a tenth of a core. Default: 5s, or for one of
	// several probes that of `health`.
	Interval caddy.Duration `json:"interval,omitempty"`

	// The interval while results speak against the verdict: after the first failure of a healthy
	// endpoint, or the first pass of an unhealthy one, until the verdict changes or the next result
	// confirms it. The minimum is 1ms. Default: a fifth of `interval`, or for one of several probes
	// without an interval of its own that of `health`.
	FastInterval caddy.Duration `json:"fast_interval,omitempty"`

	// The maximum time of a check. A check that takes longer fails. The minimum is 1ms. Default:
	// 2s, or for one of several probes that of `health`.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// The number of checks in a row that must pass before an unhealthy endpoint becomes healthy.
	// Default: 2, or for one of several probes that of `health`.
	Rise int `json:"rise,omitempty"`

	// The number of checks in a row that must fail before a healthy endpoint becomes unhealthy.
	// Default: 3, or for one of several probes that of `health`.
	Fall int `json:"fall,omitempty"`
}

const (
	defaultInterval = 5 * time.Second
	defaultTimeout  = 2 * time.Second
	defaultRise     = 2
	defaultFall     = 3
	fastIntervals   = 5 // number of fast intervals in an interval by default

	minInterval = options.MinDuration
	maxCount    = math.MaxInt32
)

// options are the options of a block. Those of `health` and of a probe are the same.
func (o *CheckOptions) options() caddyfile.Param {
	return caddyfile.Group(
		caddyfile.DurationFrom("interval", &o.Interval, options.MinInterval),
		caddyfile.DurationFrom("fast_interval", &o.FastInterval, minInterval),
		caddyfile.DurationFrom("timeout", &o.Timeout, minInterval),
		caddyfile.Int("rise", &o.Rise, 1, maxCount),
		caddyfile.Int("fall", &o.Fall, 1, maxCount),
	)
}

// inherit takes the options that are not set from others.
func (o *CheckOptions) inherit(others CheckOptions) {
	if o.Interval == 0 {
		o.FastInterval = cmp.Or(o.FastInterval, others.FastInterval)
	}
	o.Interval = cmp.Or(o.Interval, others.Interval)
	o.Timeout = cmp.Or(o.Timeout, others.Timeout)
	o.Rise = cmp.Or(o.Rise, others.Rise)
	o.Fall = cmp.Or(o.Fall, others.Fall)
}

func (o *CheckOptions) setDefaults() {
	o.Interval = cmp.Or(o.Interval, caddy.Duration(defaultInterval))
	o.FastInterval = cmp.Or(o.FastInterval, max(o.Interval/fastIntervals, caddy.Duration(minInterval)))
	o.Timeout = cmp.Or(o.Timeout, caddy.Duration(defaultTimeout))
	o.Rise = cmp.Or(o.Rise, defaultRise)
	o.Fall = cmp.Or(o.Fall, defaultFall)
}

func (o *CheckOptions) check() error {
	err := cmp.Or(
		options.AtLeast("interval", o.Interval, options.MinInterval),
		options.AtLeast("fast_interval", o.FastInterval, minInterval),
		options.AtLeast("timeout", o.Timeout, minInterval),
	)
	switch {
	case err != nil:
		return err
	case o.Rise < 1 || o.Rise > maxCount:
		return fmt.Errorf("rise: is %d; expected 1 or more checks", o.Rise)
	case o.Fall < 1 || o.Fall > maxCount:
		return fmt.Errorf("fall: is %d; expected 1 or more checks", o.Fall)
	}
	return nil
}
