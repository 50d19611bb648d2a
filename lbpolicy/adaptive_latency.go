package lbpolicy

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(AdaptiveLatency)) }

const defaultErrorPenalty = 5 * time.Second

// AdaptiveLatency sends each request to the endpoint that is expected to answer it soonest.
//
// It compares like with like. For each route, which is a method and a path without what varies in
// it, the pool knows how long its requests take and how often they fail at all endpoints. An
// endpoint is as slow as its answers take longer than usual for their routes, so that a slow report
// or a long poll says nothing against the endpoint that served it. If what waits at an endpoint is
// older than usual, and it has answered nothing since, that counts instead: a hung endpoint is
// noticed before anything completes.
//
// That is multiplied by the number of requests in flight at the endpoint, per weight, plus one.
// Parked requests do not count: long polls, websockets, event streams and all that is in flight 20
// times as long as usual, and longer than a second. They themselves go to where the fewest requests
// are in flight.
//
// A failure counts as far as it is a surprise. Where failures are rare, two in a row keep requests
// away from an endpoint, and so does one refused connection. Where 2 % of all answers are errors it
// takes three. An endpoint that fails at one route gets no requests
// of that route, and one that fails at two gets none at all until it is tried again.
//
// What is known of an endpoint without requests fades towards the average of the others, so that
// each endpoint is tried again. An endpoint without history counts as average until its answers
// show otherwise.
//
// Choose it when endpoints differ in speed, or may do so at times: other hardware, noisy
// neighbours, garbage collection, one endpoint in a bad state. It is the default of a pool. Among
// equal endpoints it does what Caddy's `least_conn` does. Do not choose it where the endpoint
// matters more than the time, as with caches: see `bounded_load_hash`.
//
// Sources: expected time times requests in flight (peak EWMA, Finagle, 2015), age of requests in
// flight (NGINX least_time), failures as latency (Linkerd, 2026), cumulative sums of evidence
// (Page, 1954).
type AdaptiveLatency struct {
	// The time for which answers and failures are remembered. Without newer ones an answer counts
	// for 37 % after this time and for nothing after three times. A failing endpoint is tried again
	// within this time after its first failures, and within four times this time at most. A longer
	// time is calmer, a shorter one tries slow and failing endpoints again sooner. Default: 10s.
	Decay caddy.Duration `json:"decay,omitempty"`

	// The time that is added to the expected time of an endpoint whose failures (5xx, refused,
	// reset, timed out) are a surprise. If it fails again when it is tried again, up to four times
	// as much is added. A longer time keeps more requests away from a failing endpoint. Default:
	// 5s.
	ErrorPenalty caddy.Duration `json:"error_penalty,omitempty"`

	// The number of endpoints that are compared for a request, from 2 to 32. 0 is automatic: all
	// endpoints of a pool of up to 128, and otherwise a random sample of 8. A larger sample finds
	// better endpoints and makes each pick slower. Default: 0.
	Choices int `json:"choices,omitempty"`

	// What tells routes apart, as a text with placeholders such as
	// `{http.request.host}{http.request.uri.path}`. Requests with an equal text are compared with
	// one another. A pool has room for 1,024 routes; others share coarser ones. `off` compares all
	// requests with one another. Choose a text if neither method nor path says what takes long, as
	// with GraphQL. Default: the method and the path, where numbers, hexadecimal and random
	// segments are left out.
	Route string `json:"route,omitempty"`

	selector
}

// CaddyModule returns the Caddy module information.
func (*AdaptiveLatency) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.selection_policies.adaptive_latency",
		New: func() caddy.Module { return new(AdaptiveLatency) },
	}
}

// UnmarshalJSON refuses zeros that would become defaults.
func (p *AdaptiveLatency) UnmarshalJSON(data []byte) error {
	type fields AdaptiveLatency
	return options.Decode(data, (*fields)(p), "decay", "error_penalty")
}

// UnmarshalCaddyfile sets up the policy from Caddyfile tokens. Syntax:
//
//	lb_policy adaptive_latency {
//	    decay         <duration>
//	    error_penalty <duration>
//	    choices       auto|<number>
//	    route         off|<text>
//	}
func (p *AdaptiveLatency) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d, caddyfile.Block(
		caddyfile.DurationFrom("decay", &p.Decay, options.MinDuration),
		caddyfile.DurationFrom("error_penalty", &p.ErrorPenalty, options.MinDuration),
		caddyfile.Func("choices", choicesFormat, func(text string) (ok bool) {
			p.Choices, ok = parseChoices(text)
			return ok
		}),
		caddyfile.String("route", &p.Route),
	))
}

var choicesFormat = fmt.Sprintf("auto or a whole number from 2 to %d", maxChoices)

func parseChoices(text string) (choices int, ok bool) {
	if text == "auto" {
		return 0, true
	}
	choices, err := strconv.Atoi(text)
	return choices, err == nil && choices >= 2 && choices <= maxChoices
}

// Provision implements caddy.Provisioner.
func (p *AdaptiveLatency) Provision(ctx caddy.Context) error {
	if err := cmp.Or(
		options.AtLeastOrZero("decay", p.Decay, options.MinDuration),
		options.AtLeastOrZero("error_penalty", p.ErrorPenalty, options.MinDuration),
	); err != nil {
		return err
	}
	if p.Choices < 0 || p.Choices == 1 || p.Choices > maxChoices {
		return fmt.Errorf("choices: is %d; expected 0 (automatic), or from 2 to %d endpoints to compare",
			p.Choices, maxChoices)
	}
	if p.Decay == 0 {
		p.Decay = caddy.Duration(attempt.DefaultDecay)
	}
	if p.ErrorPenalty == 0 {
		p.ErrorPenalty = caddy.Duration(defaultErrorPenalty)
	}
	if err := p.provision(ctx, p, nil); err != nil {
		return err
	}
	if p.transport != nil {
		p.transport.Decay = time.Duration(p.Decay)
		p.transport.Route = routeBy(p.Route)
	}
	return nil
}

// routeOff is the setting that does not tell routes apart.
const routeOff = "off"

// routeBy returns what tells routes apart, nil for the method and the path.
func routeBy(text string) func(*http.Request) load.Key {
	switch text {
	case "":
		return nil
	case routeOff:
		return func(*http.Request) load.Key { return load.TextKey("") }
	}
	by := newRequestText(text)
	return func(r *http.Request) load.Key { return load.TextKey(by.of(r)) }
}

func (p *AdaptiveLatency) prepare(members []endpoint.Member) bandPicker {
	cost := newLeastCost(members, time.Duration(p.Decay), time.Duration(p.ErrorPenalty))
	switch n := len(members); {
	case p.Choices == 0 && n > compareAll:
		return &leastOfSample{cost, newSampler(members), sampleSize}
	case p.Choices > 0 && n > p.Choices:
		return &leastOfSample{cost, newSampler(members), p.Choices}
	}
	return cost
}

// Interface guards
var (
	_ caddy.Provisioner     = (*AdaptiveLatency)(nil)
	_ caddy.CleanerUpper    = (*AdaptiveLatency)(nil)
	_ caddyfile.Unmarshaler = (*AdaptiveLatency)(nil)
)
