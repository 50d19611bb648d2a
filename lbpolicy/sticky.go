package lbpolicy

import (
	"encoding/json"
	"fmt"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/count"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(Sticky)) }

// Sticky keeps each session at the endpoint where it began. Another policy chooses for newcomers.
//
// A draining endpoint keeps its sessions and gets no new ones. A session whose endpoint is down
// moves to another one. If the endpoint is only full, the request goes elsewhere and the session
// stays. A cookie that is forged, foreign or out of date makes its client a newcomer; it is never
// an error. The cookie is set when a session begins or moves, not on every answer.
//
// Choose it when an endpoint keeps what a client needs later, such as a login, a basket or an
// upload. Do not choose it where any endpoint serves a client as well as another: sessions follow
// the load only as they begin.
//
// Sources: `sticky` of NGINX, persistence cookies of HAProxy, stateful sessions of Envoy and gRPC
// (gRFC A55, A60).
type Sticky struct {
	// The cookie that keeps sessions. Default: a cookie with the defaults of its settings, unless
	// one of the next options is set. There can be only one.
	Cookie *StickyCookie `json:"cookie,omitempty"`

	// Keeps sessions by a cookie of the application instead. Default: none.
	Learn *StickyLearn `json:"learn,omitempty"`

	// Keeps sessions by the route that an application server appends to its own session cookie,
	// such as Tomcat's `jvmRoute` in `JSESSIONID=4f2a.web-7`, instead. Default: none.
	Route *StickyRoute `json:"route,omitempty"`

	// Keeps sessions by a field of the request's header instead. Default: none.
	Header *StickyValue `json:"header,omitempty"`

	// Keeps sessions by a parameter of the query instead. Default: none.
	Query *StickyValue `json:"query,omitempty"`

	// Keeps sessions by a parameter in the path instead, such as `route` in `/cart;route=web-7`.
	// Default: none.
	Path *StickyValue `json:"path,omitempty"`

	// Keeps sessions by the address of the client instead, for clients that have no cookies.
	// Default: none.
	ClientIP *StickyClientIP `json:"client_ip,omitempty"`

	// The policy that chooses for newcomers. One of Caddy's policies makes a pool list its
	// endpoints for these requests, which costs more in large pools. Default: `adaptive_latency`.
	GuestRaw json.RawMessage `json:"guest,omitempty" caddy:"namespace=http.reverse_proxy.selection_policies inline_key=policy"`

	// Whether a session that had to move goes back when its endpoint serves again. Default: false;
	// it stays where it is.
	Return bool `json:"return,omitempty"`

	// The secret texts, of 16 bytes or more each, that cookies and tokens are made with. Proxies
	// with the same keys agree on sessions. The first key makes new ones, and those of the others
	// stay valid.
	// [Placeholders](/docs/conventions#placeholders) such as `{env.KEY}` are replaced when the
	// config is loaded. Default: a key that is made once and kept in Caddy's storage.
	Keys []string `json:"keys,omitempty"`

	keys    keyring // those of the config; nil if the storage has them
	stored  *storedKeys
	proofs  atomic.Pointer[[]proofKey]
	release []func() // what is shared with other configs
	carrier carrier
	guest   caddySelector
	pool    *stickyPicker // nil if no pool lets the policy pick
	selector
}

// CaddyModule returns the Caddy module information.
func (*Sticky) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.selection_policies.sticky",
		New: func() caddy.Module { return new(Sticky) },
	}
}

// UnmarshalJSON refuses unknown fields.
func (p *Sticky) UnmarshalJSON(data []byte) error {
	type fields Sticky
	return options.Decode(data, (*fields)(p))
}

// UnmarshalCaddyfile sets up the policy from Caddyfile tokens. Syntax:
//
//	lb_policy sticky {
//	    cookie {
//	        name      <name>
//	        path      <path>
//	        domain    <domain>
//	        max_age   <duration>
//	        idle      <duration>
//	        same_site strict|lax|none
//	        secure    on|off|auto
//	        readable
//	        partitioned
//	    }
//	    learn <cookie> {
//	        ttl  <duration>
//	        size <number>
//	    }
//	    route <cookie> [<path parameter>]
//	    header|query|path <name> {
//	        value remembered|route|token
//	        ttl   <duration>
//	        size  <number>
//	    }
//	    client_ip {
//	        ttl         <duration>
//	        size        <number>
//	        ipv4_prefix <bits>
//	        ipv6_prefix <bits>
//	    }
//	    policy <policy> ...
//	    return
//	    keys   <texts...>
//	}
func (p *Sticky) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	cookie, clientIP, learn := new(StickyCookie), new(StickyClientIP), new(StickyLearn)
	header, query, path, route := new(StickyValue), new(StickyValue), new(StickyValue), new(StickyRoute)
	return caddyfile.Parse(d, caddyfile.Block(
		caddyfile.SectionInto("cookie", &p.Cookie, cookie, cookie.options()...),
		caddyfile.LineInto("learn", &p.Learn, learn, learn.options()...),
		caddyfile.LineInto("route", &p.Route, route, route.options()...),
		caddyfile.LineInto("header", &p.Header, header, header.options()...),
		caddyfile.LineInto("query", &p.Query, query, query.options()...),
		caddyfile.LineInto("path", &p.Path, path, path.options()...),
		caddyfile.SectionInto("client_ip", &p.ClientIP, clientIP, clientIP.options()...),
		caddyfile.Module("policy", "http.reverse_proxy.selection_policies", "policy", &p.GuestRaw),
		caddyfile.Flag("return", &p.Return),
		caddyfile.Strings("keys", &p.Keys),
	))
}

// Provision implements caddy.Provisioner.
func (p *Sticky) Provision(ctx caddy.Context) error {
	if err := p.provision(ctx, p, nil); err != nil {
		return err
	}
	if err := p.provisionCarrier(ctx.Logger()); err != nil {
		return err
	}
	if err := p.provisionKeys(ctx); err != nil {
		return err
	}
	return p.provisionGuest(ctx)
}

func (p *Sticky) provisionKeys(ctx caddy.Context) error {
	if !p.carrier.handsOut() {
		if len(p.Keys) > 0 {
			return fmt.Errorf("keys: clients get no cookie or token that would be made with them")
		}
		p.keys = unkeyed
		return nil
	}
	repl := caddy.NewReplacer()
	for i, text := range p.Keys {
		key, err := repl.ReplaceOrErr(text, true, true)
		if err != nil {
			return fmt.Errorf("keys: key %d: %w", i+1, err)
		}
		if len(key) < minKeyLength {
			return fmt.Errorf("keys: key %d has %s; expected %d or more", i+1, count.Of(len(key), "byte"), minKeyLength)
		}
		p.keys = append(p.keys, []byte(key))
	}
	if len(p.keys) == 0 {
		stored, release := acquireStoredKeys(ctx.Storage(), ctx.Logger())
		p.stored, p.release = stored, append(p.release, release)
	}
	return nil
}

func (p *Sticky) provisionGuest(ctx caddy.Context) error {
	var module any
	var err error
	if p.GuestRaw == nil {
		module, err = ctx.LoadModuleByID("http.reverse_proxy.selection_policies.adaptive_latency", nil)
	} else {
		module, err = ctx.LoadModule(p, "GuestRaw")
	}
	if err != nil {
		return fmt.Errorf("policy: %w", err)
	}
	p.guest = module.(caddySelector)
	if _, picks := p.guest.(endpoint.Policy); !picks {
		p.fallback = p.guest
	}
	return nil
}

// Fallback returns the policy for which a pool lists its endpoints, nil if there is none.
func (p *Sticky) Fallback() any {
	if p.fallback != nil {
		return p.fallback
	}
	if guest, ok := p.guest.(interface{ Fallback() any }); ok {
		return guest.Fallback()
	}
	return nil
}

// Cleanup implements caddy.CleanerUpper.
func (p *Sticky) Cleanup() error {
	for _, release := range p.release {
		release()
	}
	p.release = nil
	return p.selector.Cleanup()
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Sticky)(nil)
	_ caddy.CleanerUpper    = (*Sticky)(nil)
	_ caddyfile.Unmarshaler = (*Sticky)(nil)
)
