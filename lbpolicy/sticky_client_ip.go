package lbpolicy

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

// StickyClientIP keeps sessions by the address of the client, as trusted proxies report it. The
// proxy remembers where each address is served, for a time and in bounded memory. Other proxies do
// not know it, and a restart forgets it.
type StickyClientIP struct {
	// How long an address is remembered after its last request. Default: 30m.
	TTL caddy.Duration `json:"ttl,omitempty"`

	// The maximum number of addresses, up to 10000000. Beyond it, the one that has been idle for
	// the longest is forgotten. An address takes about 200 bytes. Default: 100000.
	Size int `json:"size,omitempty"`

	// The number of bits of an IPv4 address that tell clients apart, from 1 to 32. Default: 32.
	IPv4Prefix int `json:"ipv4_prefix,omitempty"`

	// The number of bits of an IPv6 address that tell clients apart, from 1 to 128. A client
	// changes its address within 64. Default: 64.
	IPv6Prefix int `json:"ipv6_prefix,omitempty"`

	network clientNetwork
	table   *sessionTable
	log     *zap.Logger
	said    atomic.Int64 // when the log last said that the table is full, as a Unix time
}

// UnmarshalJSON refuses zeros that would become defaults.
func (c *StickyClientIP) UnmarshalJSON(data []byte) error {
	type fields StickyClientIP
	return options.Decode(data, (*fields)(c), "ttl", "size", "ipv4_prefix", "ipv6_prefix")
}

// fullPause is the minimum time between two log lines about a full table.
const fullPause = 10 * time.Minute

const maxTableSize = 10_000_000

func (c *StickyClientIP) options() []caddyfile.Param {
	return []caddyfile.Param{
		caddyfile.DurationFrom("ttl", &c.TTL, time.Second),
		caddyfile.Int("size", &c.Size, 1, maxTableSize),
		caddyfile.Int("ipv4_prefix", &c.IPv4Prefix, 1, 32),
		caddyfile.Int("ipv6_prefix", &c.IPv6Prefix, 1, 128),
	}
}

// check checks the settings, and sets defaults.
func (c *StickyClientIP) check() error {
	if err := options.AtLeastOrZero("ttl", c.TTL, time.Second); err != nil {
		return err
	}
	if c.TTL == 0 {
		c.TTL = caddy.Duration(30 * time.Minute)
	}
	for _, n := range []struct {
		name           string
		value          *int
		most, standard int
	}{
		{"size", &c.Size, maxTableSize, 100_000},
		{"ipv4_prefix", &c.IPv4Prefix, 32, 32}, {"ipv6_prefix", &c.IPv6Prefix, 128, 64},
	} {
		if *n.value == 0 {
			*n.value = n.standard
		}
		if *n.value < 0 || *n.value > n.most {
			return fmt.Errorf("%s: %d is not between 1 and %d", n.name, *n.value, n.most)
		}
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

func (c *StickyClientIP) read(r *http.Request, now time.Time) (s session, ok bool) {
	k, ok := c.key(r)
	if !ok {
		return s, false
	}
	return c.table.get(k, time.Duration(c.TTL), now)
}

func (c *StickyClientIP) write(_ http.ResponseWriter, r *http.Request, s session, now time.Time) {
	k, ok := c.key(r)
	if !ok || !c.table.put(k, s, time.Duration(c.TTL), now) {
		return
	}
	if last := c.said.Load(); now.Sub(time.Unix(last, 0)) > fullPause && c.said.CompareAndSwap(last, now.Unix()) {
		c.log.Warn("table of sticky sessions is full, and sessions in use are forgotten",
			zap.Int("size", c.Size), zap.Int64("forgotten", c.table.evicted.Load()))
	}
}

func (*StickyClientIP) takeBack(http.ResponseWriter)   {}
func (*StickyClientIP) renew(*session, time.Time) bool { return false }
