package lbpolicy

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/cespare/xxhash/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

func init() { caddy.RegisterModule(new(BoundedLoadHash)) }

// BoundedLoadHash sends requests with the same key to the same endpoint, as long as that is
// not overloaded: no endpoint gets more than `load_factor` times its share of all requests in
// flight; what is beyond goes on to the next endpoint in the key's own order.
//
// Every proxy with the same endpoints maps keys alike, whatever the order of the list. When an endpoint
// leaves or joins, only its own share of keys moves; when it is down, its keys move
// evenly to the others and come back with it. Shares follow weights. An endpoint with an
// `id` keeps its keys when its address changes.
//
// Choose it when endpoints have something to gain from seeing a key again, such as
// caches or sessions, and one hot key must not take an endpoint down.
//
// Sources: consistent hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam, 2018), weighted
// rendezvous hashing (Thaler and Ravishankar, 1998; Schindelhauer and Schomaker, 2005).
type BoundedLoadHash struct {
	// The text that is hashed, with any
	// [placeholders](/docs/conventions#placeholders) such as `{http.request.uri.path}`. Required.
	Key string `json:"key"`

	// The most that an endpoint may have in flight, as a multiple of its share, from
	// 1 to 1000. Closer to 1 is more even, larger keeps more keys at home: under skewed keys, 1.25
	// keeps about two thirds there, 2 about 85 %. Default: 1.25.
	LoadFactor float64 `json:"load_factor,omitempty"`

	// The policy for requests whose key is empty. Default: a random endpoint, in
	// proportion to the weights.
	FallbackRaw json.RawMessage `json:"fallback,omitempty" caddy:"namespace=http.reverse_proxy.selection_policies inline_key=policy"`

	selector
}

const (
	// The usual compromise: HAProxy and Envoy suggest 1.2 to 2.
	defaultLoadFactor = 1.25
	// Far beyond any use; it keeps bounds within the range of a number of requests.
	maxLoadFactor = 1000
)

// CaddyModule returns the Caddy module information.
func (*BoundedLoadHash) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.selection_policies.bounded_load_hash",
		New: func() caddy.Module { return new(BoundedLoadHash) },
	}
}

// UnmarshalCaddyfile sets up the policy from Caddyfile tokens. Syntax:
//
//	lb_policy bounded_load_hash <key> [<load_factor>] {
//	    fallback <policy> ...
//	}
func (p *BoundedLoadHash) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d,
		caddyfile.String("key", &p.Key),
		caddyfile.Optional(caddyfile.Float("load_factor", &p.LoadFactor, 1, maxLoadFactor)),
		caddyfile.Block(caddyfile.Module("fallback", "http.reverse_proxy.selection_policies", "policy", &p.FallbackRaw)),
	)
}

// Provision implements caddy.Provisioner.
func (p *BoundedLoadHash) Provision(ctx caddy.Context) error {
	if p.Key == "" {
		return fmt.Errorf("key: is empty; expected text with a placeholder, such as {client_ip}")
	}
	if p.LoadFactor == 0 {
		p.LoadFactor = defaultLoadFactor
	}
	if !(p.LoadFactor >= 1 && p.LoadFactor <= maxLoadFactor) {
		return fmt.Errorf("load_factor: %v is not between 1 and %d", p.LoadFactor, maxLoadFactor)
	}
	if err := p.provision(ctx, p, nil); err != nil {
		return err
	}
	return p.provisionFallback(ctx)
}

func (p *BoundedLoadHash) provisionFallback(ctx caddy.Context) error {
	if p.FallbackRaw == nil {
		return nil
	}
	module, err := ctx.LoadModule(p, "FallbackRaw")
	if err != nil {
		return fmt.Errorf("fallback: %v", err)
	}
	p.defers(module, func(r *http.Request) bool { return p.keyOf(r) == "" })
	return nil
}

func (p *BoundedLoadHash) keyOf(r *http.Request) string {
	if r == nil {
		return ""
	}
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return ""
	}
	return repl.ReplaceAll(p.Key, "")
}

func (p *BoundedLoadHash) prepare(members []endpoint.Member) picker {
	nodes := make([]node, len(members))
	h := &homes{policy: p}
	for i := range members {
		nodes[i] = node{hash: xxhash.Sum64String(members[i].Info.Key()), weight: members[i].Weight}
	}
	h.rendezvous = newRendezvous(nodes)
	return h
}

// homes picks where a key is at home.
type homes struct {
	*rendezvous
	policy *BoundedLoadHash
	usable atomic.Pointer[weightAt]
}

// weightAt is how much weight was usable at a time.
type weightAt struct {
	weight float64
	at     endpoint.Instant
}

const usableWeightKept = 100 * time.Millisecond

func (h *homes) pick(c candidates) int {
	key := h.policy.keyOf(c.request)
	if key == "" {
		return c.takeAny()
	}
	return h.walk(&c, xxhash.Sum64String(key))
}

// walk takes the first endpoint in the key's order that has room.
func (h *homes) walk(c *candidates, key uint64) int {
	perWeight := h.policy.LoadFactor * float64(c.inFlight()+1) / h.usableWeight(c)
	for attempt := range maxAttempts {
		if i := h.owner(key, attempt); i >= 0 && takeWithin(c, i, perWeight) {
			return i
		}
	}
	if i := h.walkAll(c, key, perWeight); i >= 0 {
		return i
	}
	return h.leastFull(c)
}

// walkAll looks at every endpoint. It is a function of its own because its closure
// would cost every walk an allocation.
func (h *homes) walkAll(c *candidates, key uint64, perWeight float64) int {
	return h.nearest(key, func(i int) bool { return takeWithin(c, i, perWeight) })
}

func takeWithin(c *candidates, i int, perWeight float64) bool {
	bound := math.Ceil(perWeight * float64(c.members[i].Weight))
	return c.usable(i) && c.take(i, int(bound))
}

// usableWeight is what shares are shares of. Adding it up for each pick would cost a
// large pool too much, so there it may be a little out of date.
func (h *homes) usableWeight(c *candidates) float64 {
	known := h.usable.Load()
	if known != nil && len(c.members) > maxChoices && c.now.Sub(known.at) < usableWeightKept {
		return known.weight
	}
	now := weightAt{at: c.now}
	for i := range c.members {
		if c.usable(i) {
			now.weight += float64(c.members[i].Weight)
		}
	}
	if len(c.members) > maxChoices {
		h.usable.Store(&now)
	}
	return now.weight
}

// leastFull is for when all are full, or became so in the meantime.
func (h *homes) leastFull(c *candidates) int {
	best, least := -1, math.Inf(1)
	for i := range c.members {
		if !c.usable(i) {
			continue
		}
		if load := float64(c.members[i].InFlight()+1) / float64(c.members[i].Weight); load < least {
			best, least = i, load
		}
	}
	if best >= 0 && c.take(best, 0) {
		return best
	}
	return c.takeAny()
}

// Interface guards
var (
	_ caddy.Provisioner     = (*BoundedLoadHash)(nil)
	_ caddy.CleanerUpper    = (*BoundedLoadHash)(nil)
	_ caddyfile.Unmarshaler = (*BoundedLoadHash)(nil)
)
