// Package dns is the source of pools that looks up endpoints in the DNS.
//
// source.go has the settings and settings.go their checks. follow.go repeats the look-up of
// lookup.go, client.go asks the resolvers, message.go, records.go and answer.go read a reply, and
// instance.go makes endpoints of the records.
package dns

import (
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(Source)) }

// Source looks up endpoints in the DNS and follows their changes as their TTLs say. Choose it when
// the DNS already knows the endpoints, as it does for headless Services in Kubernetes, for services
// in Consul or Nomad, and for scaled services in Docker Compose. Where a source pushes changes,
// that source is quicker.
//
// `srv` reads the targets of SRV records ([RFC 2782](https://www.rfc-editor.org/rfc/rfc2782)) with
// their ports, weights and priorities. A lower priority serves first, as in a pool. The weight 0
// means "little" in an SRV record but would drain an endpoint in a pool, so it becomes 1. Beside
// other weights that is the chance which the RFC's own algorithm gives it. A target of `.` declares
// that there is no such service; that takes effect at once.
//
// Each address of a target is an endpoint, which is probed and counted by itself. The addresses
// share the target's weight. (All weights are multiplied where one does not divide evenly.) A
// target with one address gives the endpoint its ID, such as `web-0.example.com:8080`, so that hash
// policies keep its keys when the address changes. The addresses come from the additional section
// of the answer if it has any of the target, and otherwise from queries of their own.
//
// `a` reads the addresses of a name. Each is an endpoint of weight 1 at the given port.
//
// "No such name" (NXDOMAIN) and "no such record" are answers: the list becomes empty. SERVFAIL,
// REFUSED and silence are failures: the next resolver is asked, in two rounds, and if none answers
// the pool keeps its list. A resolver that does not answer queries with EDNS is asked without. If
// only AAAA fails, or one target of several, its last addresses stay and the others are followed.
// What is known serves when half of the pool's `initial_wait` is over, if there is no list yet,
// also if a search domain is silent. So does the part of a truncated answer if TCP fails. An
// address that cannot belong to one server, such as 0.0.0.0, is dropped, as is a record with a
// mistake, such as port 0.
type Source struct {
	// The kind of record to look up: `srv`, or `a`, which includes AAAA. Required.
	Type string `json:"type"`

	// The name to look up, such as _http._tcp.example.com or web.default.svc.cluster.local.
	// Required. A name without a final dot is tried with the search domains of /etc/resolv.conf, in
	// the order that `ndots` there demands, unless `resolvers` is given. The first name with an
	// answer counts. One that fails is passed over, unless the list came from it. /etc/hosts has no
	// effect. Placeholders such as {env.SERVICE} are replaced when the config is loaded.
	Name string `json:"name"`

	// The port of the endpoints, from 1 to 65535. Required for `a`. SRV records have ports of their
	// own, so `srv` takes none.
	Port int `json:"port,omitempty"`

	// The resolvers to ask, the first one first, such as 10.0.0.53 or 127.0.0.1:8600. Placeholders
	// are replaced when the config is loaded. Default: the resolvers of /etc/resolv.conf, which is
	// read before each look-up.
	Resolvers []string `json:"resolvers,omitempty"`

	// The kind of address to use: `auto`, `ipv4`, `ipv6` or `both`. With `auto` and `both`, a
	// server that has an address of each kind is two endpoints. `auto` leaves a kind out that the
	// machine has no route to, as long as it has a route to addresses of the other kind. Default:
	// auto.
	IP string `json:"ip,omitempty"`

	// Whether the names of SRV targets become the addresses of endpoints, instead of the addresses
	// that they resolve to. Each target is then one endpoint, and its name is used for SNI and
	// certificates. The system's resolver looks the name up for each new connection. Choose it when
	// each target has a certificate of its own. Default: false.
	KeepNames bool `json:"keep_names,omitempty"`

	// The minimum time between two look-ups, whatever the TTL, at least 100ms. Default: 1s.
	MinRefresh caddy.Duration `json:"min_refresh,omitempty"`

	// The maximum time between two look-ups, whatever the TTL. Up to a tenth is added, so that
	// several proxies do not ask at the same moment. Default: 1m.
	MaxRefresh caddy.Duration `json:"max_refresh,omitempty"`

	// The maximum time that a resolver may take to answer one query. Then the next resolver is
	// asked. Default: 2s, which is less than the 5s of resolv.conf, because a second resolver that
	// works should be asked soon.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// Whether queries go over TCP from the start, and not over UDP first. Choose it if a server
	// gives all records over TCP only, or if UDP is blocked. Default: false.
	TCP bool `json:"tcp,omitempty"`

	// Whether each answer is only a part of the endpoints, a different one each time: `auto`, `on`
	// or `off`. Cloud Map answers so, as do Consul over UDP and servers with more records than fit.
	// An endpoint then stays although an answer lacks it. `auto` finds out after some answers, by
	// endpoints that are replaced by others that were there before, again and again. Choose `off`
	// if endpoints leave and return so often by themselves. Default: auto.
	Rotating string `json:"rotating,omitempty"`

	// How long an endpoint of a name that rotates stays after the last answer that had it. Default:
	// as many answers as show that it is gone, with a chance of one in a million that it is not: 33
	// if each has 8 of 20, and 221 if each has 8 of 100.
	KeepUnseen caddy.Duration `json:"keep_unseen,omitempty"`

	resolvers []string
	hasRoute  func(netip.Addr) bool

	// The rest belongs to Run.
	servers  map[string]*server // by address
	last     memory             // the addresses of the last look-up
	troubled map[question]bool  // the questions that failed in it, beside others that did not
	from     string             // the name that it found
	listed   bool               // there was one
	rotation rotation
}

const (
	defaultMinRefresh = time.Second
	defaultMaxRefresh = time.Minute
	defaultTimeout    = 2 * time.Second
)

// CaddyModule returns the Caddy module information.
func (*Source) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.sources.dns",
		New: func() caddy.Module { return new(Source) },
	}
}

// UnmarshalJSON refuses zeros that would become defaults.
func (s *Source) UnmarshalJSON(data []byte) error {
	type fields Source
	return options.Decode(data, (*fields)(s), "port", "min_refresh", "max_refresh", "timeout", "keep_unseen")
}

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	source dns srv|a <name> [<port>] {
//	    resolvers   <addresses...>
//	    ip          auto|ipv4|ipv6|both
//	    keep_names
//	    min_refresh <duration>
//	    max_refresh <duration>
//	    timeout     <duration>
//	    tcp
//	    rotating    auto|on|off
//	    keep_unseen <duration>
//	}
func (s *Source) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d,
		oneOfTwo("type", "srv", "a", &s.Type),
		caddyfile.String("name", &s.Name),
		caddyfile.Optional(caddyfile.Int("port", &s.Port, 1, math.MaxUint16)),
		caddyfile.Block(
			caddyfile.Strings("resolvers", &s.Resolvers),
			caddyfile.Func("ip", "auto, ipv4, ipv6 or both", func(text string) bool {
				s.IP = text
				return families[text] != nil
			}),
			caddyfile.Flag("keep_names", &s.KeepNames),
			caddyfile.DurationFrom("min_refresh", &s.MinRefresh, discovery.MinInterval),
			caddyfile.DurationFrom("max_refresh", &s.MaxRefresh, discovery.MinInterval),
			caddyfile.DurationFrom("timeout", &s.Timeout, discovery.MinDuration),
			caddyfile.Flag("tcp", &s.TCP),
			caddyfile.Func("rotating", "auto, on or off", func(text string) bool {
				s.Rotating = text
				return slices.Contains(rotationModes, text)
			}),
			caddyfile.DurationFrom("keep_unseen", &s.KeepUnseen, discovery.MinInterval),
		),
	)
}

// oneOfTwo is an argument that is one of two words.
func oneOfTwo(name, first, second string, into *string) caddyfile.Param {
	return caddyfile.Func(name, first+" or "+second, func(text string) bool {
		*into = text
		return text == first || text == second
	})
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Source)(nil)
	_ caddyfile.Unmarshaler = (*Source)(nil)
	_ discovery.Source      = (*Source)(nil)
)
