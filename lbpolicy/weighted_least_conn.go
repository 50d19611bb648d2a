package lbpolicy

import (
	"math/rand/v2"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(WeightedLeastConn)) }

// WeightedLeastConn sends each request to the endpoint with the fewest requests in flight for its
// weight. It compares the requests in flight, with the new one, divided by the weight, so that an
// endpoint of weight 3 has three times as many requests open as one of weight 1. All idle endpoints
// count as equal, because an idle endpoint answers no sooner for a larger weight. Endpoints that
// are equal take turns by weight, spread evenly.
//
// Long polls, websockets and event streams count as long as they are open, so that they are spread
// by weight too. In a pool of more than 128 endpoints, a random sample of 8 is compared.
//
// Choose it when requests differ in length or stay open for long, and the weights say how many
// requests each endpoint can have at the same time. Do not choose it where an endpoint may fail
// quickly, unless `outlier` ejects it: an endpoint that answers errors at once is the one with the
// fewest requests. `adaptive_latency` knows failures, and finds out how fast endpoints are.
//
// Sources: least connections with idle servers as equals (HAProxy), turns among equals (NGINX) by
// start-time fair queueing (Goyal, Vin and Cheng, 1996), the best of a sample (Mitzenmacher, 1996).
type WeightedLeastConn struct {
	// The weights of the upstreams in this reverse proxy, by position, each from 0 to 65535. 0
	// gives an upstream no requests. The number of weights must be that of the upstreams. Endpoints
	// of a pool bring their own weights. Default: all equal.
	Weights []int `json:"weights,omitempty"`

	selector
}

// CaddyModule returns the Caddy module information.
func (*WeightedLeastConn) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.selection_policies.weighted_least_conn",
		New: func() caddy.Module { return new(WeightedLeastConn) },
	}
}

// UnmarshalJSON refuses unknown fields.
func (p *WeightedLeastConn) UnmarshalJSON(data []byte) error {
	type fields WeightedLeastConn
	return options.Decode(data, (*fields)(p))
}

// UnmarshalCaddyfile sets up the policy from Caddyfile tokens. Syntax:
//
//	lb_policy weighted_least_conn [<weights...>]
func (p *WeightedLeastConn) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d, weightsArgument(&p.Weights))
}

// Provision implements caddy.Provisioner.
func (p *WeightedLeastConn) Provision(ctx caddy.Context) error {
	return p.provisionWeighted(ctx, p, p.Weights)
}

func (p *WeightedLeastConn) prepare(members []endpoint.Member) bandPicker {
	if len(members) <= compareAll {
		return &leastConn{newTurns(members, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))}
	}
	t := samplerTables.acquire(members)
	return &sharedLeastConnOfSample{leastConnOfSample{t.table.sampler}, t.release}
}

// prepareForNow implements transient. It builds a sampler of its own, which nothing has to discard.
func (p *WeightedLeastConn) prepareForNow(members []endpoint.Member) bandPicker {
	if len(members) <= compareAll {
		return p.prepare(members)
	}
	return &leastConnOfSample{newSampler(members)}
}

// fill is how full a member would be with one more request: the requests in flight per weight.
type fill struct{ requests, weight uint64 }

// fillOf counts nothing at an idle member.
func fillOf(m *endpoint.Member) fill {
	n := uint64(max(m.InFlight(), 0))
	if n > 0 {
		n++
	}
	return fill{n, uint64(m.Weight)}
}

// compare is negative if f is less full than g. Weights have 32 bits and counts fewer, so that the
// products are exact.
func (f fill) compare(g fill) int {
	switch a, b := f.requests*g.weight, g.requests*f.weight; {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// leastConn compares all members.
type leastConn struct{ *turns }

func (l *leastConn) pick(c candidates) int {
	for range maxReserveTries {
		i := l.least(&c)
		if i < 0 || c.reserve(i, 0) {
			return i
		}
	}
	return c.reserveAny()
}

// least returns the least full member. Of several it is the one whose turn it is.
func (l *leastConn) least(c *candidates) int {
	var room [compareAll]uint8 // on the stack
	var least fill
	n := 0
	for i := range c.members {
		if !c.usable(i) {
			continue
		}
		f, order := fillOf(&c.members[i]), -1
		if n > 0 {
			order = f.compare(least)
		}
		if order > 0 {
			continue
		}
		if order < 0 {
			least, n = f, 0
		}
		room[n] = uint8(i)
		n++
	}
	return l.take(room[:n])
}

// leastConnOfSample compares a random sample, for pools in which comparing all members would take
// too long.
type leastConnOfSample struct{ *sampler }

func (l *leastConnOfSample) pick(c candidates) int {
	for range maxReserveTries {
		i := l.least(&c)
		if i < 0 {
			break
		}
		if c.reserve(i, 0) {
			return i
		}
	}
	return c.reserveAny()
}

// least returns the least full member of a new sample. Of several it is the one that was drawn
// first, because the sample is drawn by weight already.
func (l *leastConnOfSample) least(c *candidates) int {
	var drawn [sampleSize]int32
	l.drawSample(c.members, drawn[:])
	best, least := -1, fill{}
	for _, i := range drawn {
		i := int(i)
		if !c.usable(i) {
			continue
		}
		if f := fillOf(&c.members[i]); best < 0 || f.compare(least) < 0 {
			best, least = i, f
		}
	}
	return best
}

// sharedLeastConnOfSample draws from a sampler that it shares with other reverse proxies.
type sharedLeastConnOfSample struct {
	leastConnOfSample
	release func()
}

// discard implements discarder.
func (l *sharedLeastConnOfSample) discard() { l.release() }

// Interface guards
var (
	_ caddy.Provisioner     = (*WeightedLeastConn)(nil)
	_ caddy.CleanerUpper    = (*WeightedLeastConn)(nil)
	_ caddyfile.Unmarshaler = (*WeightedLeastConn)(nil)
)
