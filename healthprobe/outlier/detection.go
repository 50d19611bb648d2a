package outlier

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/httpstatus"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(Detection)) }

// Detection ejects endpoints whose answers to real requests stand out, for a while. It is a circuit
// breaker for each endpoint: closed while the endpoint serves, open while it is ejected, and
// half-open after that. A half-open endpoint gets one trial request at a time, and another one if
// it has not answered after 5 s. A success closes the breaker, and a failure opens it for longer.
// Requests from before the ejection, such as websockets, may be open there meanwhile.
//
// There are five rules, and one is enough for an ejection. Failures in a row eject at once. Shares
// of failures and latencies are judged at the end of each `interval`. A client that goes away says
// nothing about an endpoint. The answer of an ejected endpoint to an earlier request does not
// count.
//
// Choose it beside active checks. They see an idle endpoint that is down; this sees what checks do
// not: a broken page, a database that fails for some requests, a neighbour that makes an endpoint
// slow. Start with `observe_only` if you are not sure of the rules.
//
// Sources: outlier detection (Envoy; gRPC's A50), the half-open state (Nygard, Release It!, 2007).
type Detection struct {
	// The number of failures in a row that ejects an endpoint; -1 turns the rule off. Default: 5.
	ConsecutiveFailures int `json:"consecutive_failures,omitempty"`

	// The number of 502, 503, 504 and missing answers in a row that ejects an endpoint; -1 turns
	// the rule off. Any other answer ends the row. Set it below `consecutive_failures` to eject
	// endpoints that cannot be reached earlier than endpoints that answer with errors. Default: 5.
	ConsecutiveGatewayFailures int `json:"consecutive_gateway_failures,omitempty"`

	// The share of requests in an interval, in percent, that must fail to eject an endpoint; -1
	// turns the rule off. It is a fixed limit, however usual the failures are; only requests of
	// routes that fail more often than not at all endpoints are left out. Default: 85.
	FailurePercentage float64 `json:"failure_percentage,omitempty"`

	// The number of standard deviations by which the share of surprising failures of an endpoint in
	// an interval must exceed the mean of all endpoints to eject it, from 0.1 to 100; -1 turns the
	// rule off. Surprising are the failures beyond those that are usual for the routes of its
	// requests. They must also exceed the mean by one percentage point, and be more than chance
	// explains. The rule needs five endpoints with twice `min_requests`, and finds at most a fifth
	// of the endpoints at once, because bad endpoints move the mean. Default: 1.9.
	SuccessRate float64 `json:"success_rate,omitempty"`

	// The factor, from 1.1 to 1000, by which the mean time to first byte of an endpoint in an
	// interval must exceed the median of all endpoints to eject it; -1 turns the rule off. The time
	// of each answer is taken relative to the mean of its route in the pool, and counts as four
	// times the factor at most. The endpoint must exceed the factor by more than chance explains,
	// and its answers must be later than those of the median endpoint by 5 ms on average. The rule
	// needs three endpoints with `min_requests`. Choose it if endpoints should be equally fast.
	// Default: -1.
	Latency float64 `json:"latency,omitempty"`

	// The statuses that count as failures, such as 500, 5xx or 502-504. A missing answer always
	// counts. Default: 5xx.
	FailureStatus []caddyhttp.WeakString `json:"failure_status,omitempty"`

	// The time between two judgements of shares and latencies; each covers the time since the one
	// before. The minimum is 100ms. Default: 10s.
	Interval caddy.Duration `json:"interval,omitempty"`

	// The minimum number of requests in an interval for an endpoint's shares and latencies to
	// count. With a lower number chance ejects endpoints; with a higher one the rules do nothing in
	// pools with few requests. Default: 50.
	MinRequests int `json:"min_requests,omitempty"`

	// The time of the first ejection, with a jitter of a tenth. The second in a row lasts twice as
	// long, the third three times, and so on. Each interval without an ejection takes one back. An
	// ejection ends early when active checks that have failed in it pass again. The minimum is 1ms.
	// Default: 30s.
	BaseEjection caddy.Duration `json:"base_ejection,omitempty"`

	// The maximum time of an ejection, not less than `base_ejection`. Default: 300s, or
	// `base_ejection` if that is longer.
	MaxEjection caddy.Duration `json:"max_ejection,omitempty"`

	// The maximum share of endpoints that are ejected at once, in percent. One always may be, in
	// however small a pool, and never the last usable one. There is no 0 %; use `observe_only` to
	// eject none. Default: 30.
	MaxEjectedPercent float64 `json:"max_ejected_percent,omitempty"`

	// What readmits an endpoint when its time is over: `request`, one real request that succeeds,
	// or `probe`, the next active check that passes. Choose `probe` if no client should get an
	// error from a trial; it needs `health` on the pool. Default: `request`.
	Readmit string `json:"readmit,omitempty"`

	// Whether to only log and count ejections and not make them. Default: false.
	ObserveOnly bool `json:"observe_only,omitempty"`

	failure httpstatus.Set
}

const (
	// off turns a rule off.
	off = -1

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

// Provision implements caddy.Provisioner.
func (d *Detection) Provision(caddy.Context) (err error) {
	if len(d.FailureStatus) == 0 {
		d.FailureStatus = []caddyhttp.WeakString{"5xx"}
	}
	if d.failure, err = httpstatus.Parse(d.FailureStatus); err != nil {
		return fmt.Errorf("failure_status: %w", err)
	}
	d.setDefaults()
	return d.check()
}

func (d *Detection) setDefaults() {
	d.ConsecutiveFailures = cmp.Or(d.ConsecutiveFailures, 5)
	d.ConsecutiveGatewayFailures = cmp.Or(d.ConsecutiveGatewayFailures, 5)
	d.FailurePercentage = cmp.Or(d.FailurePercentage, 85)
	d.SuccessRate = cmp.Or(d.SuccessRate, 1.9)
	d.Latency = cmp.Or(d.Latency, off)
	d.Interval = cmp.Or(d.Interval, caddy.Duration(10*time.Second))
	d.MinRequests = cmp.Or(d.MinRequests, 50)
	d.BaseEjection = cmp.Or(d.BaseEjection, caddy.Duration(30*time.Second))
	d.MaxEjection = cmp.Or(d.MaxEjection, max(caddy.Duration(300*time.Second), d.BaseEjection))
	d.MaxEjectedPercent = cmp.Or(d.MaxEjectedPercent, 30)
	d.Readmit = cmp.Or(d.Readmit, readmitRequest)
}

func (d *Detection) check() error {
	for _, n := range []struct {
		name     string
		value    float64
		min, max float64
		mayBeOff bool
	}{
		{"consecutive_failures", float64(d.ConsecutiveFailures), 1, math.MaxInt32, true},
		{"consecutive_gateway_failures", float64(d.ConsecutiveGatewayFailures), 1, math.MaxInt32, true},
		{"failure_percentage", d.FailurePercentage, 0, 100, true},
		{"success_rate", d.SuccessRate, 0.1, 100, true},
		{"latency", d.Latency, 1.1, 1000, true},
		{"min_requests", float64(d.MinRequests), 1, math.MaxInt32, false},
		{"max_ejected_percent", d.MaxEjectedPercent, 0, 100, false},
	} {
		if !(n.value >= n.min && n.value <= n.max) && !(n.mayBeOff && n.value == off) {
			return fmt.Errorf("%s: %v is not between %v and %v", n.name, n.value, n.min, n.max)
		}
	}
	if err := cmp.Or(
		options.AtLeast("interval", d.Interval, options.MinInterval),
		options.AtLeast("base_ejection", d.BaseEjection, options.MinDuration),
		options.AtLeast("max_ejection", d.MaxEjection, options.MinDuration),
	); err != nil {
		return err
	}
	if d.MaxEjection < d.BaseEjection {
		return fmt.Errorf("max_ejection: %s is less than base_ejection, %s",
			time.Duration(d.MaxEjection), time.Duration(d.BaseEjection))
	}
	if d.Readmit != readmitRequest && d.Readmit != readmitProbe {
		return fmt.Errorf("readmit: %q; expected request or probe", d.Readmit)
	}
	return nil
}

// Conditions returns the conditions that the detector sets on endpoints.
func (d *Detection) Conditions() endpoint.Condition { return endpoint.Ejected | endpoint.HalfOpen }

// NeedsHealth reports whether the detector depends on active checks. A pool without them refuses
// it.
func (d *Detection) NeedsHealth() bool { return d.Readmit == readmitProbe }

// Run watches the endpoints of a roster until ctx ends.
func (d *Detection) Run(ctx context.Context, r *endpoint.Roster) { newDetector(d, r).run(ctx) }

// Interface guard
var _ caddy.Provisioner = (*Detection)(nil)
