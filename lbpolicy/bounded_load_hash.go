package lbpolicy

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"github.com/cespare/xxhash/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(BoundedLoadHash)) }

// BoundedLoadHash sends requests with the same key to the same endpoint, as long as that endpoint
// is not overloaded. No endpoint gets more than `load_factor` times its share of all requests in
// flight. What is beyond the bound goes on to the next endpoint in the key's own order. If all
// endpoints are at their bounds, the one with the fewest requests per weight gets the request.
//
// All proxies with the same endpoints map keys alike, whatever the order of the list. When an
// endpoint joins or leaves, only its own share of keys moves. When an endpoint is down, its keys
// move evenly to the others, and return with it. Shares follow weights. An endpoint with an `id`
// keeps its keys when its address changes.
//
// Choose it when an endpoint gains from seeing a key again, such as a cache or a session, and one
// hot key must not take an endpoint down. Do not choose it where any endpoint serves a request as
// well as another: `adaptive_latency` then answers sooner.
//
// Sources: consistent hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam, 2018),
// weighted rendezvous hashing (Thaler and Ravishankar, 1998; Schindelhauer and Schomaker, 2005).
type BoundedLoadHash struct {
	// The text that is hashed, with one [placeholder](/docs/conventions#placeholders) or more, such
	// as `{http.request.uri.path}`. Requests with an equal text go to the same endpoint.
	// `{http.vars.client_ip/24,64}` is the network of the client, with 24 bits of an IPv4 and 64 of
	// an IPv6 address. Required.
	Key string `json:"key"`

	// The maximum number of requests in flight at an endpoint as a multiple of its share, from 1 to
	// 1000. A smaller factor is more even; a larger one keeps more requests at the first endpoint
	// of their key. Under skewed keys, 1.25 keeps about two thirds there, and 2 about 85 %.
	// Default: 1.25.
	LoadFactor float64 `json:"load_factor,omitempty"`

	// The policy for requests whose key is empty, such as those without the session cookie. One of
	// Caddy's policies makes a pool list its endpoints for these requests, which costs more in
	// large pools. Default: a random endpoint by weight.
	FallbackRaw json.RawMessage `json:"fallback,omitempty" caddy:"namespace=http.reverse_proxy.selection_policies inline_key=policy"`

	key   requestText
	check *keyCheck
	selector
}

const (
	// HAProxy and Envoy suggest a factor from 1.2 to 2.
	defaultLoadFactor = 1.25
	// maxLoadFactor is far beyond any use. It keeps bounds within the range of an int.
	maxLoadFactor = 1000
)

// CaddyModule returns the Caddy module information.
func (*BoundedLoadHash) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.selection_policies.bounded_load_hash",
		New: func() caddy.Module { return new(BoundedLoadHash) },
	}
}

// UnmarshalJSON refuses zeros that would become defaults.
func (p *BoundedLoadHash) UnmarshalJSON(data []byte) error {
	type fields BoundedLoadHash
	return options.Decode(data, (*fields)(p), "load_factor")
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
		caddyfile.Block(
			caddyfile.Module("fallback", "http.reverse_proxy.selection_policies", "policy", &p.FallbackRaw),
		),
	)
}

// Provision implements caddy.Provisioner.
func (p *BoundedLoadHash) Provision(ctx caddy.Context) error {
	if p.Key == "" {
		return fmt.Errorf("key: is empty; expected text with a placeholder, such as {client_ip}")
	}
	if len(placeholdersOf(p.Key)) == 0 {
		return fmt.Errorf("key: %q has no placeholder, so all requests would have the same key; expected %s",
			p.Key, insteadOf(p.Key))
	}
	if err := cmp.Or(checkNetworks(p.Key), checkNames(p.Key)); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	p.key, p.check = newRequestText(p.Key), newKeyCheck(p.Key, ctx.Logger())
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

// Select implements reverseproxy.Selector. Each attempt of a request passes through it.
func (p *BoundedLoadHash) Select(
	pool reverseproxy.UpstreamPool, r *http.Request, w http.ResponseWriter,
) *reverseproxy.Upstream {
	p.check.see(r)
	return p.selector.Select(pool, r, w)
}

func (p *BoundedLoadHash) provisionFallback(ctx caddy.Context) error {
	if p.FallbackRaw == nil {
		return nil
	}
	module, err := ctx.LoadModule(p, "FallbackRaw")
	if err != nil {
		return fmt.Errorf("fallback: %w", err)
	}
	p.setFallback(module, func(r *http.Request) bool { return p.keyOf(r) == "" })
	return nil
}

// keyOf returns the key of a request, "" if it has none.
func (p *BoundedLoadHash) keyOf(r *http.Request) string { return p.key.of(r) }

// place implements placer: a key is always in the same band, as long as the shares of the bands do
// not change. The hash is mixed once more, so that the band does not depend on the key's order
// within it.
func (p *BoundedLoadHash) place(r *http.Request) (float64, bool) {
	key := p.keyOf(r)
	return float64(mix(xxhash.Sum64String(key)^golden)>>11) / (1 << 53), key != ""
}

func (p *BoundedLoadHash) prepare(members []endpoint.Member) bandPicker {
	t := hashTables.acquire(members)
	return &hashPicker{hashTable: t.table, release: t.release, policy: p}
}

// prepareForNow implements transient. It computes every bid.
func (p *BoundedLoadHash) prepareForNow(members []endpoint.Member) bandPicker {
	t := newHashTable(members, nodesOf(members))
	t.drop()
	return &hashPicker{hashTable: t, policy: p}
}

// Interface guards
var (
	_ caddy.Provisioner     = (*BoundedLoadHash)(nil)
	_ caddy.CleanerUpper    = (*BoundedLoadHash)(nil)
	_ caddyfile.Unmarshaler = (*BoundedLoadHash)(nil)
)
