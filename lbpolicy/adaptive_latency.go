package lbpolicy

import (
	"fmt"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

func init() { caddy.RegisterModule(new(AdaptiveLatency)) }

// AdaptiveLatency sends each request to the endpoint that is expected to answer it soonest.
//
// The expected time of an endpoint is its mean time to first byte, which follows a change within a
// few answers. If requests there have waited longer already, that time counts instead, so that a
// hung endpoint is noticed before anything completes. Failed attempts add a penalty, so that an
// endpoint that answers 500 in a millisecond does not attract the traffic. The sum is multiplied by
// the number of requests in flight at the endpoint, per weight, plus one.
//
// What is known of an idle endpoint fades towards the average of the others, so that each endpoint
// is tried again. An endpoint without history counts as average until its answers show otherwise.
//
// Choose it when endpoints differ in speed, or may do so at times: other hardware, noisy
// neighbours, garbage collection, one endpoint in a bad state. It is the default of a pool. Among
// equal endpoints it does what Caddy's `least_conn` does. Do not choose it where the endpoint
// matters more than the time, as with caches: see `bounded_load_hash`.
//
// Sources: expected time times requests in flight (peak EWMA, Finagle, 2015), age of requests in
// flight (NGINX least_time), failures as latency (Linkerd, 2026).
type AdaptiveLatency struct {
	// The time for which answers and failures are remembered. Without newer ones an answer counts
	// for 37 % after this time and for nothing after three times; a failure is forgotten after it.
	// A longer time is calmer, a shorter one tries slow and failing endpoints again sooner.
	// Default: 10s.
	Decay caddy.Duration `json:"decay,omitempty"`

	// The time that a recent failure (5xx, refused, reset, timed out) adds to the expected time. Up
	// to four failures add up, and each success halves them. A longer time keeps more requests away
	// from a failing endpoint. Default: 5s.
	ErrorPenalty caddy.Duration `json:"error_penalty,omitempty"`

	// The number of endpoints that are compared for a request, from 2 to 32. 0 is automatic: all
	// endpoints of a pool of up to 128, and otherwise a random sample of 8. A larger sample finds
	// better endpoints and makes each pick slower. Default: 0.
	Choices int `json:"choices,omitempty"`

	selector
}

// CaddyModule returns the Caddy module information.
func (*AdaptiveLatency) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.selection_policies.adaptive_latency",
		New: func() caddy.Module { return new(AdaptiveLatency) },
	}
}

// UnmarshalCaddyfile sets up the policy from Caddyfile tokens. Syntax:
//
//	lb_policy adaptive_latency {
//	    decay         <duration>
//	    error_penalty <duration>
//	    choices       auto|<number>
//	}
func (p *AdaptiveLatency) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d, caddyfile.Block(
		caddyfile.Duration("decay", &p.Decay),
		caddyfile.Duration("error_penalty", &p.ErrorPenalty),
		caddyfile.Func("choices", choicesFormat, func(text string) (ok bool) {
			p.Choices, ok = parseChoices(text)
			return ok
		}),
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
	if p.Decay < 0 {
		return fmt.Errorf("decay: %s is negative", time.Duration(p.Decay))
	}
	if p.ErrorPenalty < 0 {
		return fmt.Errorf("error_penalty: %s is negative", time.Duration(p.ErrorPenalty))
	}
	if p.Choices < 0 || p.Choices == 1 || p.Choices > maxChoices {
		return fmt.Errorf("choices: %d; expected 0 (automatic), or from 2 to %d endpoints to compare",
			p.Choices, maxChoices)
	}
	if p.Decay == 0 {
		p.Decay = caddy.Duration(attempt.DefaultDecay)
	}
	if p.ErrorPenalty == 0 {
		p.ErrorPenalty = caddy.Duration(attempt.DefaultErrorPenalty)
	}
	if err := p.provision(ctx, p, nil); err != nil {
		return err
	}
	if p.transport != nil {
		p.transport.Decay = time.Duration(p.Decay)
		p.transport.ErrorPenalty = time.Duration(p.ErrorPenalty)
	}
	return nil
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
