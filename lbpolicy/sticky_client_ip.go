package lbpolicy

import (
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

// StickyClientIP keeps sessions by the address of the client, as trusted proxies report it. The
// proxy remembers where each address is served.
type StickyClientIP struct {
	StickyMemory

	// The number of bits of an IPv4 address that tell clients apart, from 1 to 32. Default: 32.
	IPv4Prefix int `json:"ipv4_prefix,omitempty"`

	// The number of bits of an IPv6 address that tell clients apart, from 1 to 128. A client
	// changes its address within 64. Default: 64.
	IPv6Prefix int `json:"ipv6_prefix,omitempty"`

	network clientNetwork
}

// UnmarshalJSON refuses zeros that would become defaults.
func (c *StickyClientIP) UnmarshalJSON(data []byte) error {
	type fields StickyClientIP
	return options.Decode(data, (*fields)(c), "ttl", "size", "ipv4_prefix", "ipv6_prefix")
}

func (c *StickyClientIP) options() []caddyfile.Param {
	return append(c.StickyMemory.options(),
		caddyfile.Int("ipv4_prefix", &c.IPv4Prefix, 1, 32),
		caddyfile.Int("ipv6_prefix", &c.IPv6Prefix, 1, 128),
	)
}

func (c *StickyClientIP) check() error {
	if err := c.StickyMemory.check(); err != nil {
		return err
	}
	if err := within("ipv4_prefix", &c.IPv4Prefix, 32, 32); err != nil {
		return err
	}
	if err := within("ipv6_prefix", &c.IPv6Prefix, 128, 64); err != nil {
		return err
	}
	c.network = clientNetwork{c.IPv4Prefix, c.IPv6Prefix}
	return nil
}

// key returns what the client of a request is remembered by.
func (c *StickyClientIP) key(r *http.Request) (k sessionKey, ok bool) {
	if r == nil {
		return k, false
	}
	address, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	network, ok := c.network.prefix(address)
	if !ok {
		return k, false
	}
	return network.Addr().As16(), true
}

func (c *StickyClientIP) read(r *http.Request, now time.Time, seen bool) (s session, ok bool) {
	k, ok := c.key(r)
	if !ok {
		return s, false
	}
	return c.get(k, now, seen)
}

func (c *StickyClientIP) change(_ http.ResponseWriter, r *http.Request, s session, now time.Time) attempt.Change {
	if k, ok := c.key(r); ok {
		return c.put(s, now, k)
	}
	return nil
}
