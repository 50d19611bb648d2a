package outlier

import (
	"math"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/httpstatus"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

// UnmarshalJSON refuses zeros that would become defaults.
func (d *Detection) UnmarshalJSON(data []byte) error {
	type fields Detection
	return options.Decode(data, (*fields)(d),
		"consecutive_failures", "consecutive_gateway_failures", "failure_percentage", "success_rate", "latency",
		"interval", "min_requests",
		"base_ejection", "max_ejection", "max_ejected_percent")
}

// UnmarshalCaddyfile sets up the detection from Caddyfile tokens. Syntax:
//
//	outlier {
//	    consecutive_failures         <number>|off
//	    consecutive_gateway_failures <number>|off
//	    failure_percentage           <percent>|off
//	    success_rate                 <deviations>|off
//	    latency                      <factor>|off
//	    failure_status               <statuses...>
//	    interval                     <duration>
//	    min_requests                 <number>
//	    base_ejection                <duration>
//	    max_ejection                 <duration>
//	    max_ejected_percent          <percent>
//	    readmit                      request|probe
//	    observe_only
//	}
func (d *Detection) UnmarshalCaddyfile(dispenser *caddyfile.Dispenser) error {
	return caddyfile.Parse(dispenser, caddyfile.Block(
		numberOrOff("consecutive_failures", &d.ConsecutiveFailures),
		numberOrOff("consecutive_gateway_failures", &d.ConsecutiveGatewayFailures),
		caddyfile.OrOff(percent("failure_percentage", &d.FailurePercentage), &d.FailurePercentage, off),
		caddyfile.OrOff(caddyfile.Float("success_rate", &d.SuccessRate, 0.1, 100), &d.SuccessRate, off),
		caddyfile.OrOff(caddyfile.Float("latency", &d.Latency, 1.1, 1000), &d.Latency, off),
		caddyfile.Rest(caddyfile.Func("failure_status", httpstatus.Expected, d.addFailureStatus)),
		caddyfile.DurationFrom("interval", &d.Interval, options.MinInterval),
		caddyfile.Int("min_requests", &d.MinRequests, 1, math.MaxInt32),
		caddyfile.DurationFrom("base_ejection", &d.BaseEjection, options.MinDuration),
		caddyfile.DurationFrom("max_ejection", &d.MaxEjection, options.MinDuration),
		percent("max_ejected_percent", &d.MaxEjectedPercent),
		caddyfile.Func("readmit", "request or probe", func(text string) bool {
			d.Readmit = text
			return text == readmitRequest || text == readmitProbe
		}),
		caddyfile.Flag("observe_only", &d.ObserveOnly),
	))
}

func numberOrOff(name string, into *int) caddyfile.Param {
	return caddyfile.OrOff(caddyfile.Int(name, into, 1, math.MaxInt32), into, off)
}

// percent is caddyfile.Percent without 0%, which would eject without a reason, or nothing.
func percent(name string, into *float64) caddyfile.Param {
	return caddyfile.Func(name, "a percentage above 0% and up to 100%, such as 50%", func(text string) bool {
		number, hasSign := strings.CutSuffix(text, "%")
		value, err := strconv.ParseFloat(number, 64)
		*into = value
		return hasSign && err == nil && value > 0 && value <= 100
	})
}

func (d *Detection) addFailureStatus(text string) bool {
	d.FailureStatus = append(d.FailureStatus, caddyhttp.WeakString(text))
	_, ok := httpstatus.ParseRange(text)
	return ok
}

// Interface guard
var _ caddyfile.Unmarshaler = (*Detection)(nil)
