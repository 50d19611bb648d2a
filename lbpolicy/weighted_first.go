package lbpolicy

import (
	"math/rand/v2"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(WeightedFirst)) }

// WeightedFirst fills one endpoint after the other. Each request goes to the first endpoint that
// has fewer requests in flight than its `max_requests`. The last endpoints get requests only while
// all before them are full, and can be shut down while they have none.
//
// The order is by weight, the largest first. Endpoints of equal weight are in the order of their
// ids, with numbers in them by value, so that `web-2` is before `web-10`. Without ids they are in
// the order of the config, or in a pool in that of their addresses. An endpoint without a limit
// gets all requests as long as it is usable; those after it are its stand-ins.
//
// In a pool of more than 128 endpoints the order is approximate: each request looks at 16 of the
// full endpoints. A place that becomes free at one of 1,600 is found after a hundred requests on
// average.
//
// Choose it when idle endpoints can be switched off, or cost nothing. Do not choose it for short
// waiting times: the endpoints that serve are always as full as they may be.
//
// Source: `balance first` (HAProxy, 2012).
type WeightedFirst struct {
	selector
}

// CaddyModule returns the Caddy module information.
func (*WeightedFirst) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.selection_policies.weighted_first",
		New: func() caddy.Module { return new(WeightedFirst) },
	}
}

// UnmarshalJSON refuses unknown fields.
func (p *WeightedFirst) UnmarshalJSON(data []byte) error {
	type fields WeightedFirst
	return options.Decode(data, (*fields)(p))
}

// UnmarshalCaddyfile sets up the policy from Caddyfile tokens. Syntax:
//
//	lb_policy weighted_first
func (p *WeightedFirst) UnmarshalCaddyfile(d *caddyfile.Dispenser) error { return caddyfile.Parse(d) }

// Provision implements caddy.Provisioner.
func (p *WeightedFirst) Provision(ctx caddy.Context) error { return p.provision(ctx, p, nil) }

func (p *WeightedFirst) prepare(members []endpoint.Member) bandPicker {
	order := fillOrder(members)
	if len(order) <= compareAll {
		return &inOrder{order}
	}
	return newFirstMarked(order)
}

// inOrder looks at one member after the other.
type inOrder struct {
	order []int32
}

func (p *inOrder) pick(c candidates) int {
	for _, i := range p.order {
		if c.usable(int(i)) && !isPassedOver(&c, int(i)) && c.reserve(int(i), 0) {
			return int(i)
		}
	}
	return p.pickAny(c)
}

// pickAny looks at all members, with those that were passed over.
func (p *inOrder) pickAny(c candidates) int {
	for _, i := range p.order {
		if c.usable(int(i)) && c.reserve(int(i), 0) {
			return int(i)
		}
	}
	return -1
}

// isPassedOver reports whether a request leaves out a member because of its slow start. The slow
// start lowers a limit of requests in flight, so that only a member without one is passed over.
func isPassedOver(c *candidates, i int) bool {
	ramp := c.members[i].Ramp
	if ramp >= 1 {
		return false
	}
	_, limit := c.admitted(i)
	return limit == 0 && rand.Float32() >= ramp
}

// Interface guards
var (
	_ caddy.Provisioner     = (*WeightedFirst)(nil)
	_ caddy.CleanerUpper    = (*WeightedFirst)(nil)
	_ caddyfile.Unmarshaler = (*WeightedFirst)(nil)
)
