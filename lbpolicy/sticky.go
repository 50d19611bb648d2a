package lbpolicy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/caddyfile"
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
	// `client_ip` is set.
	Cookie *StickyCookie `json:"cookie,omitempty"`

	// Keeps sessions by the address of the client instead of a cookie, for clients that have no
	// cookies. Default: none.
	ClientIP *StickyClientIP `json:"client_ip,omitempty"`

	// The policy that chooses for newcomers. One of Caddy's policies makes a pool list its
	// endpoints for these requests, which costs more in large pools. Default: `adaptive_latency`.
	GuestRaw json.RawMessage `json:"guest,omitempty" caddy:"namespace=http.reverse_proxy.selection_policies inline_key=policy"`

	// Whether a session that had to move goes back when its endpoint serves again. Default: false;
	// it stays where it is.
	Return bool `json:"return,omitempty"`

	// The secret texts, of 16 bytes or more each, that cookies are made with. Proxies with the same
	// keys agree on sessions. The first key makes new cookies, and those of the others stay valid.
	// [Placeholders](/docs/conventions#placeholders) such as `{env.KEY}` are replaced when the
	// config is loaded. Default: a key that is made once and kept in Caddy's storage.
	Keys []string `json:"keys,omitempty"`

	keys    keyring // those of the config; nil if the storage has them
	stored  *storedKeys
	release []func() // what is shared with other configs
	carrier carrier
	guest   caddySelector
	pool    *stickyPicker // nil if no pool lets the policy pick
	selector
}

// carrier brings the session of a client back to the proxy.
type carrier interface {
	// read returns the session of a request.
	read(r *http.Request, now time.Time) (s session, ok bool)
	// renew sets the times of a session, and reports whether it has to be written for that.
	renew(s *session, now time.Time) (due bool)
	// write makes requests of the client have a session from now on.
	write(w http.ResponseWriter, r *http.Request, s session, now time.Time)
	// takeBack removes from an answer what an earlier attempt of the same request has written.
	takeBack(w http.ResponseWriter)
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
	cookie, clientIP := new(StickyCookie), new(StickyClientIP)
	return caddyfile.Parse(d, caddyfile.Block(
		caddyfile.SectionInto("cookie", &p.Cookie, cookie, cookie.options()...),
		caddyfile.SectionInto("client_ip", &p.ClientIP, clientIP, clientIP.options()...),
		caddyfile.Module("policy", "http.reverse_proxy.selection_policies", "policy", &p.GuestRaw),
		caddyfile.Flag("return", &p.Return),
		caddyfile.Strings("keys", &p.Keys),
	))
}

// Provision implements caddy.Provisioner.
func (p *Sticky) Provision(ctx caddy.Context) error {
	if err := p.provisionKeys(ctx); err != nil {
		return err
	}
	if err := p.provision(ctx, p, nil); err != nil {
		return err
	}
	if err := p.provisionCarrier(ctx.Logger()); err != nil {
		return err
	}
	return p.provisionGuest(ctx)
}

func (p *Sticky) provisionCarrier(log *zap.Logger) error {
	if p.ClientIP == nil {
		if p.Cookie == nil {
			p.Cookie = new(StickyCookie)
		}
		p.carrier = p.Cookie
		if err := p.Cookie.check(); err != nil {
			return fmt.Errorf("cookie: %w", err)
		}
		return nil
	}
	if p.Cookie != nil {
		return fmt.Errorf("client_ip: cookie is set too; expected one of them")
	}
	if err := p.ClientIP.check(); err != nil {
		return fmt.Errorf("client_ip: %w", err)
	}
	table, release := acquireSessionTable("client_ip "+p.listName(), p.ClientIP.Size)
	p.ClientIP.log = log
	p.carrier, p.ClientIP.table, p.release = p.ClientIP, table, append(p.release, release)
	return nil
}

func (p *Sticky) provisionKeys(ctx caddy.Context) error {
	repl := caddy.NewReplacer()
	for i, text := range p.Keys {
		key, err := repl.ReplaceOrErr(text, true, true)
		if err != nil {
			return fmt.Errorf("keys: key %d: %w", i+1, err)
		}
		if len(key) < minKeyLength {
			return fmt.Errorf("keys: key %d has %d bytes; expected %d or more", i+1, len(key), minKeyLength)
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

// keysFor returns the keys for a request. It waits for them a moment if they are not read yet, and
// returns nil if it cannot get them.
func (p *Sticky) keysFor(r *http.Request) keyring {
	if p.keys != nil {
		return p.keys
	}
	return p.stored.await(r.Context())
}

// prepare implements algorithm, for static upstreams. The keys are known by then, because only a
// request with a session needs the table.
func (p *Sticky) prepare(members []endpoint.Member) bandPicker {
	return newResidents(p.knownKeys(), residentsOf(members))
}

func (p *Sticky) knownKeys() keyring {
	if p.keys != nil {
		return p.keys
	}
	if ring := p.stored.ring.Load(); ring != nil {
		return *ring
	}
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Sticky)(nil)
	_ caddy.CleanerUpper    = (*Sticky)(nil)
	_ caddyfile.Unmarshaler = (*Sticky)(nil)
)
