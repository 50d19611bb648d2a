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

// AdaptiveLatency sends each request where it is expected to be answered soonest.
//
// What is expected of an endpoint is its mean time to first byte, which follows a change
// within a few answers; or more, if what it has not answered yet is getting old, so that a hung
// endpoint is seen before anything completes. Failed attempts add a penalty, so that
// an endpoint that answers 500 in a millisecond does not attract the traffic. That is
// multiplied by the requests in flight there, per weight, plus one. What is
// known of an idle endpoint fades towards the average of the others, so that each is
// looked at again; one without history counts as average, and is believed to be faster or
// slower as its answers come in.
//
// Choose it when endpoints differ in speed, or may at times: other hardware, noisy
// neighbours, garbage collection, one in a bad state. Among equal endpoints it does what
// Caddy's `least_conn` does. Do not choose it if what an endpoint answers is worth
// more than when, as with caches: see `bounded_load_hash`.
//
// Sources: expected time times requests in flight (peak EWMA, Finagle, 2015), age of
// requests in flight (NGINX least_time), failures as latency (Linkerd, 2026).
type AdaptiveLatency struct {
	// How long answers and failures are remembered. What an answer says counts for 37 % after this
	// time without another, and for nothing after three times; a failure is forgotten after it.
	// Longer is calmer; shorter looks at slow and failing endpoints again sooner. Default: 10s.
	Decay caddy.Duration `json:"decay,omitempty"`

	// What a recent failure (5xx, refused, reset, timed out) adds to the expected time. Up to four
	// count at once, and each answer that is none halves them. Default: 5s.
	ErrorPenalty caddy.Duration `json:"error_penalty,omitempty"`

	// How many endpoints are compared for a request. 0 is automatic: all of them up to
	// a pool of 128, else a random sample of 8. At most 32. Default: 0.
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
		caddyfile.Func("choices", fmt.Sprintf("auto or a whole number from 2 to %d", maxChoices), func(text string) (ok bool) {
			p.Choices, ok = parseChoices(text)
			return ok
		}),
	))
}

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
		return fmt.Errorf("choices: %d; expected 0 (automatic), or from 2 to %d endpoints to compare", p.Choices, maxChoices)
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

func (p *AdaptiveLatency) prepare(members []endpoint.Member) prepared {
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
