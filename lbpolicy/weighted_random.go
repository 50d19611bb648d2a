package lbpolicy

import (
	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(WeightedRandom)) }

// WeightedRandom sends each request to a random endpoint, in proportion to the weights. A pick
// takes the same time in a pool of any size.
//
// It keeps no state that proxies or requests could have in common: neither turns nor counts. What a
// request gets does not depend on any other request. Over many requests the shares are those of the
// weights; of n requests, an endpoint with the share p gets within twice the square root of n*p of
// its part nearly always.
//
// Choose it when requests must be independent of each other, as for experiments or load tests, or
// when a great many proxies send few requests each. Do not choose it for short waiting times: by
// chance some endpoints have several requests while others are idle. `smooth_weighted_round_robin`
// has the same shares without the chance, and `weighted_least_conn` sends to those that are idle.
//
// Source: the alias method (Walker, 1977), with tables that are built as by Vose (1991).
type WeightedRandom struct {
	// The weights of the upstreams in this reverse proxy, by position, each from 0 to 65535. 0
	// gives an upstream no requests. The number of weights must be that of the upstreams. Endpoints
	// of a pool bring their own weights. Default: all equal.
	Weights []int `json:"weights,omitempty"`

	selector
}

// CaddyModule returns the Caddy module information.
func (*WeightedRandom) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.selection_policies.weighted_random",
		New: func() caddy.Module { return new(WeightedRandom) },
	}
}

// UnmarshalJSON refuses unknown fields.
func (p *WeightedRandom) UnmarshalJSON(data []byte) error {
	type fields WeightedRandom
	return options.Decode(data, (*fields)(p))
}

// UnmarshalCaddyfile sets up the policy from Caddyfile tokens. Syntax:
//
//	lb_policy weighted_random [<weights...>]
func (p *WeightedRandom) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d, weightsArgument(&p.Weights))
}

// Provision implements caddy.Provisioner.
func (p *WeightedRandom) Provision(ctx caddy.Context) error {
	return p.provisionWeighted(ctx, p, p.Weights)
}

func (p *WeightedRandom) prepare(members []endpoint.Member) bandPicker {
	t := samplerTables.acquire(members)
	return &sharedRandomPicker{randomPicker{t.table.sampler}, t.release}
}

// prepareForNow implements transient. It builds a sampler of its own, which nothing has to discard.
func (p *WeightedRandom) prepareForNow(members []endpoint.Member) bandPicker {
	return &randomPicker{newSampler(members)}
}

// randomPicker picks at random by weight.
type randomPicker struct{ *sampler }

func (p *randomPicker) pick(c candidates) int {
	if len(c.members) == 0 {
		return -1
	}
	return c.reserveRandom(p.sampler)
}

// sharedRandomPicker picks by a sampler that it shares with other reverse proxies.
type sharedRandomPicker struct {
	randomPicker
	release func()
}

// discard implements discarder.
func (p *sharedRandomPicker) discard() { p.release() }

// Interface guards
var (
	_ caddy.Provisioner     = (*WeightedRandom)(nil)
	_ caddy.CleanerUpper    = (*WeightedRandom)(nil)
	_ caddyfile.Unmarshaler = (*WeightedRandom)(nil)
)
