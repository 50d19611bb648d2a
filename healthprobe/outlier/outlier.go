package outlier

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/httpstatus"
)

func init() { caddy.RegisterModule(new(Detection)) }

// Outlier ejects endpoints whose answers to real requests stand out, for a while: a circuit breaker for each endpoint. It is closed
// as long as all is well; open while the endpoint is ejected; and half-open after that, when one
// request at a time finds out whether it works again. One that works closes it, one that fails opens it for longer.
//
// Failures in a row eject at once, in the request that is one too many. Shares of failures and latency are judged
// at the end of each `interval`. Any of the rules is enough. A client that left says nothing, nor does an answer on an ejected
// endpoint to a request from before.
//
// Choose it beside active checks, which see what requests do not (an endpoint that is idle and down), while this sees what
// checks do not: a broken page, one bad user of a database, a neighbour that makes an endpoint slow.
//
// Sources: outlier detection (Envoy; gRPC's A50), the half-open state (Nygard, Release It!, 2007).
type Detection struct {
	// How many failures in a row eject an endpoint; -1 for never. Default: 5.
	ConsecutiveFailures int `json:"consecutive_failures,omitempty"`

	// How many of 502, 503, 504 and attempts without an answer in a row eject an endpoint; -1 for never. Any other answer ends
	// the row, so with a number below `consecutive_failures` this is the more sensitive rule for
	// endpoints that cannot be reached. Default: 5.
	ConsecutiveGatewayFailures int `json:"consecutive_gateway_failures,omitempty"`

	// The share of failures in an interval, in percent, from which an endpoint is ejected; -1 for never. Default: 85.
	FailurePercentage float64 `json:"failure_percentage,omitempty"`

	// How many standard deviations below the mean of all an endpoint's share of successes may be in an interval;
	// -1 for never. It takes five endpoints with enough requests, and sees no more than a fifth of them at once: whoever
	// is bad moves the mean. Default: 1.9.
	SuccessRate float64 `json:"success_rate,omitempty"`

	// How many times the median of all an endpoint's mean time to first byte may be in an interval, if it is also 5 ms more.
	// It takes three endpoints with enough requests. Default: 0, which is never.
	Latency float64 `json:"latency,omitempty"`

	// The statuses that count as failures, such as 500, 5xx or 502-504. An attempt without an answer always does. Default: 5xx.
	FailureStatus []caddyhttp.WeakString `json:"failure_status,omitempty"`

	// How often shares and latencies are judged, over the time since the last time. Default: 10s.
	Interval caddy.Duration `json:"interval,omitempty"`

	// How many requests an endpoint must have had in an interval for its shares to say something. Default: 50; for `success_rate` twice as many.
	MinRequests int `json:"min_requests,omitempty"`

	// How long the first ejection lasts, give or take a tenth; the second in a row lasts twice as long, and so on. Each interval without one
	// takes one back. Default: 30s.
	BaseEjection caddy.Duration `json:"base_ejection,omitempty"`

	// The longest ejection. Default: 300s, or `base_ejection` if that is longer.
	MaxEjection caddy.Duration `json:"max_ejection,omitempty"`

	// How many of the endpoints may be ejected at once, in percent. One always may, in however small a pool, but never the
	// last one that is usable. Default: 30.
	MaxEjectedPercent float64 `json:"max_ejected_percent,omitempty"`

	// What readmits an endpoint when its time is over: `request`, a real one, or `probe`, the next active check that passes, for
	// when no client should find out. `probe` needs `health` on the pool. Default: request.
	Readmit string `json:"readmit,omitempty"`

	// Whether ejections are only logged, and not made. Default: false.
	ObserveOnly bool `json:"observe_only,omitempty"`

	failure httpstatus.Set
}

const (
	never = -1

	minDuration = caddy.Duration(time.Millisecond)

	readmitRequest = "request"
	readmitProbe   = "probe"
)

// CaddyModule returns the Caddy module information.
func (*Detection) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.outlier",
		New: func() caddy.Module { return new(Detection) },
	}
}

// UnmarshalCaddyfile sets up the detector from Caddyfile tokens. Syntax:
//
//	outlier {
//	    consecutive_failures         <number>|off
//	    consecutive_gateway_failures <number>|off
//	    failure_percentage           <percent>|off
//	    success_rate                 <deviations>|off
//	    latency                      <times>|off
//	    failure_status               <statuses...>
//	    interval                     <duration>
//	    min_requests                 <number>
//	    base_ejection                <duration>
//	    max_ejection                 <duration>
//	    max_ejected_percent          <percent>
//	    readmit                      request|probe
//	    observe_only
//	}
func (o *Detection) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d, caddyfile.Block(
		caddyfile.OrOff(caddyfile.Int("consecutive_failures", &o.ConsecutiveFailures, 1, math.MaxInt32), &o.ConsecutiveFailures, never),
		caddyfile.OrOff(caddyfile.Int("consecutive_gateway_failures", &o.ConsecutiveGatewayFailures, 1, math.MaxInt32), &o.ConsecutiveGatewayFailures, never),
		caddyfile.OrOff(caddyfile.Percent("failure_percentage", &o.FailurePercentage), &o.FailurePercentage, never),
		caddyfile.OrOff(caddyfile.Float("success_rate", &o.SuccessRate, 0.1, 100), &o.SuccessRate, never),
		caddyfile.OrOff(caddyfile.Float("latency", &o.Latency, 1.1, 1000), &o.Latency, never),
		caddyfile.Rest(caddyfile.Func("failure_status", httpstatus.Expected, func(text string) bool {
			o.FailureStatus = append(o.FailureStatus, caddyhttp.WeakString(text))
			_, ok := httpstatus.ParseRange(text)
			return ok
		})),
		caddyfile.Duration("interval", &o.Interval),
		caddyfile.Int("min_requests", &o.MinRequests, 1, math.MaxInt32),
		caddyfile.Duration("base_ejection", &o.BaseEjection),
		caddyfile.Duration("max_ejection", &o.MaxEjection),
		caddyfile.Percent("max_ejected_percent", &o.MaxEjectedPercent),
		caddyfile.Func("readmit", "request or probe", func(text string) bool {
			o.Readmit = text
			return text == readmitRequest || text == readmitProbe
		}),
		caddyfile.Flag("observe_only", &o.ObserveOnly),
	))
}

// Provision implements caddy.Provisioner.
func (o *Detection) Provision(caddy.Context) (err error) {
	if len(o.FailureStatus) == 0 {
		o.FailureStatus = []caddyhttp.WeakString{"5xx"}
	}
	if o.failure, err = httpstatus.Parse(o.FailureStatus); err != nil {
		return fmt.Errorf("failure_status: %v", err)
	}
	o.ConsecutiveFailures = cmp.Or(o.ConsecutiveFailures, 5)
	o.ConsecutiveGatewayFailures = cmp.Or(o.ConsecutiveGatewayFailures, 5)
	o.FailurePercentage = cmp.Or(o.FailurePercentage, 85)
	o.SuccessRate = cmp.Or(o.SuccessRate, 1.9)
	o.Latency = cmp.Or(o.Latency, never)
	o.Interval = cmp.Or(o.Interval, caddy.Duration(10*time.Second))
	o.MinRequests = cmp.Or(o.MinRequests, 50)
	o.BaseEjection = cmp.Or(o.BaseEjection, caddy.Duration(30*time.Second))
	o.MaxEjection = cmp.Or(o.MaxEjection, max(caddy.Duration(300*time.Second), o.BaseEjection))
	o.MaxEjectedPercent = cmp.Or(o.MaxEjectedPercent, 30)
	o.Readmit = cmp.Or(o.Readmit, readmitRequest)
	return o.check()
}

func (o *Detection) check() error {
	for _, f := range []struct {
		name        string
		value       float64
		least, most float64
		off         bool
	}{
		{"consecutive_failures", float64(o.ConsecutiveFailures), 1, math.MaxInt32, true},
		{"consecutive_gateway_failures", float64(o.ConsecutiveGatewayFailures), 1, math.MaxInt32, true},
		{"failure_percentage", o.FailurePercentage, 0, 100, true},
		{"success_rate", o.SuccessRate, 0.1, 100, true},
		{"latency", o.Latency, 1.1, 1000, true},
		{"min_requests", float64(o.MinRequests), 1, math.MaxInt32, false},
		{"max_ejected_percent", o.MaxEjectedPercent, 0, 100, false},
	} {
		if !(f.value >= f.least && f.value <= f.most) && !(f.off && f.value == never) {
			return fmt.Errorf("%s: %v is not between %v and %v", f.name, f.value, f.least, f.most)
		}
	}
	for _, d := range []struct {
		name         string
		value, least caddy.Duration
	}{{"interval", o.Interval, minDuration}, {"base_ejection", o.BaseEjection, minDuration}, {"max_ejection", o.MaxEjection, o.BaseEjection}} {
		if d.value < d.least {
			return fmt.Errorf("%s: %s is less than %s", d.name, time.Duration(d.value), time.Duration(d.least))
		}
	}
	if o.Readmit != readmitRequest && o.Readmit != readmitProbe {
		return fmt.Errorf("readmit: %q; expected request or probe", o.Readmit)
	}
	return nil
}

// Conditions are those that the detector sets.
func (o *Detection) Conditions() endpoint.Condition { return endpoint.Ejected | endpoint.HalfOpen }

// NeedsHealth reports whether the detector waits for active checks.
func (o *Detection) NeedsHealth() bool { return o.Readmit == readmitProbe }

// Mind judges the endpoints of a roster until ctx ends.
func (o *Detection) Run(ctx context.Context, r *endpoint.Roster) { newDetector(o, r).run(ctx) }

// Interface guards
var (
	_ caddy.Provisioner     = (*Detection)(nil)
	_ caddyfile.Unmarshaler = (*Detection)(nil)
)
