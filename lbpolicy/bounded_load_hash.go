package lbpolicy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

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

	placeholder string // if the key is just that
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
	p.placeholder = onlyPlaceholder(p.Key)
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
	if p.placeholder != "" {
		value, _ := repl.GetString(p.placeholder)
		return value
	}
	return repl.ReplaceAll(p.Key, "")
}

// place puts a key always into the same band, as long as the bands' shares stay. It must be independent
// of where the key is at home within the band.
func (p *BoundedLoadHash) place(r *http.Request) (float64, bool) {
	key := p.keyOf(r)
	return float64(mix(xxhash.Sum64String(key)^golden)>>11) / (1 << 53), key != ""
}

// onlyPlaceholder is the name of the placeholder that a key consists of, if it does: it can
// be looked up without building a text around it.
func onlyPlaceholder(key string) string {
	inner, opened := strings.CutPrefix(key, "{")
	inner, closed := strings.CutSuffix(inner, "}")
	if !opened || !closed || strings.ContainsAny(inner, `{}\`) {
		return ""
	}
	return inner
}

func (p *BoundedLoadHash) prepare(members []endpoint.Member) prepared {
	nodes := make([]node, len(members))
	h := &hashPicker{policy: p, sampler: newSampler(members)}
	for i := range members {
		nodes[i] = node{hash: xxhash.Sum64String(members[i].Info.Key()), weight: members[i].Weight}
	}
	h.rendezvous = newRendezvous(nodes)
	return h
}

// Interface guards
var (
	_ caddy.Provisioner     = (*BoundedLoadHash)(nil)
	_ caddy.CleanerUpper    = (*BoundedLoadHash)(nil)
	_ caddyfile.Unmarshaler = (*BoundedLoadHash)(nil)
)
