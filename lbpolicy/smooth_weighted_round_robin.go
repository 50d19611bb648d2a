package lbpolicy

import (
	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(SmoothWeightedRoundRobin)) }

// SmoothWeightedRoundRobin gives each endpoint exactly its share of the requests, spread as evenly
// as whole requests allow. With the weights 5, 1 and 1 the heavy endpoint never gets five requests
// in a row. At any moment an endpoint is less than one request ahead of or behind its share, and
// over a cycle (as many requests as the weights add up to) the counts are exact.
//
// An endpoint that is down, full or draining is skipped, and the others keep their proportions. A
// retry goes to a random endpoint by weight, and uses up no turn. Each proxy starts at another
// place of the cycle, so that proxies that start together do not all begin with the same endpoint.
//
// Choose it when requests cost about the same and the weights of the endpoints are known. If
// endpoints differ in ways that no configuration says, `adaptive_latency` finds out.
//
// Source: the schedule is that of proportionate fairness (Baruah, Cohen, Plaxton and Varvel, 1996).
type SmoothWeightedRoundRobin struct {
	// The weights of the upstreams in this reverse proxy, by position, each from 0 to 65535. 0
	// gives an upstream no requests. The number of weights must be that of the upstreams. Endpoints
	// of a pool bring their own weights. Default: all equal.
	Weights []int `json:"weights,omitempty"`

	selector
}

// CaddyModule returns the Caddy module information.
func (*SmoothWeightedRoundRobin) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.selection_policies.smooth_weighted_round_robin",
		New: func() caddy.Module { return new(SmoothWeightedRoundRobin) },
	}
}

// UnmarshalJSON refuses unknown fields.
func (p *SmoothWeightedRoundRobin) UnmarshalJSON(data []byte) error {
	type fields SmoothWeightedRoundRobin
	return options.Decode(data, (*fields)(p))
}

// UnmarshalCaddyfile sets up the policy from Caddyfile tokens. Syntax:
//
//	lb_policy smooth_weighted_round_robin [<weights...>]
func (p *SmoothWeightedRoundRobin) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d, weightsArgument(&p.Weights))
}

// Provision implements caddy.Provisioner.
func (p *SmoothWeightedRoundRobin) Provision(ctx caddy.Context) error {
	return p.provisionWeighted(ctx, p, p.Weights)
}

func (p *SmoothWeightedRoundRobin) prepare(members []endpoint.Member) bandPicker {
	t := scheduleTables.acquire(members)
	return &schedulePicker{t.table.next(), t.table.sampler, t.release}
}

// prepareForNow implements transient. A new schedule would start at a random endpoint, too, and may
// take a millisecond.
func (p *SmoothWeightedRoundRobin) prepareForNow(members []endpoint.Member) bandPicker {
	return &randomPicker{newSampler(members)}
}

// schedulePicker picks the endpoint whose turn it is.
type schedulePicker struct {
	*schedule
	*sampler
	release func()
}

// discard implements discarder.
func (p *schedulePicker) discard() { p.release() }

// maxSkips is the maximum number of turns of unusable endpoints that a pick skips. Beyond it nearly
// all weight is unusable, and looking at every endpoint is cheaper.
const maxSkips = 128

func (p *schedulePicker) pick(c candidates) int {
	// A retry does not use up turns. The endpoint that it must not return to would lose its turns,
	// although it can serve other requests.
	if len(c.members) > 0 && c.attempts.Any() {
		return c.reserveRandom(p.sampler)
	}
	for range maxSkips {
		i := p.next()
		if i < 0 {
			return -1
		}
		if c.usable(i) && c.reserve(i, 0) {
			return i
		}
	}
	return c.reserveAny()
}

// Interface guards
var (
	_ caddy.Provisioner     = (*SmoothWeightedRoundRobin)(nil)
	_ caddy.CleanerUpper    = (*SmoothWeightedRoundRobin)(nil)
	_ caddyfile.Unmarshaler = (*SmoothWeightedRoundRobin)(nil)
)
