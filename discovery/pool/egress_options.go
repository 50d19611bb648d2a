package pool

import (
	"slices"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/egress"
)

// EgressOptions say which addresses the sources of a pool may make Caddy dial. They concern sources
// that read from a network, because others than those who configure Caddy may write there. The
// sources `static` and `file` may name any address that can be dialed.
//
// Such a source may name TCP addresses only. Always refused are 0.0.0.0/8, multicast, broadcast,
// the metadata services of clouds, such as 169.254.169.254, and Caddy's own admin endpoint;
// link-local addresses and Caddy's own listeners unless `allow` names them. A refused endpoint is
// dropped, and the log says why. A host name is judged at each connection, by what it resolves to.
type EgressOptions struct {
	// The networks in which endpoints may be, such as 10.0.0.0/8 or 2001:db8::1. `private_ranges`
	// stands for all private IPv4 and IPv6 networks and the loopback. A link-local address needs a
	// network within 169.254.0.0/16 or fe80::/10. Two more words concern other addresses: `unix`
	// allows unix sockets, and `own_listeners` allows the addresses that Caddy itself listens on,
	// apart from the admin endpoint. Placeholders are replaced when the config is loaded. Default:
	// all networks, without unix sockets and Caddy's own listeners.
	Allow []string `json:"allow,omitempty"`

	// The networks in which no endpoint may be. They win over `allow`. Default: none.
	Deny []string `json:"deny,omitempty"`
}

// options are the options of the pool's block that concern addresses.
func (o *EgressOptions) options() []caddyfile.Param {
	return []caddyfile.Param{
		caddyfile.Again(caddyfile.Strings("allow", &o.Allow)),
		caddyfile.Again(caddyfile.Strings("deny", &o.Deny)),
	}
}

// rules returns the rules of a pool in the config that is being provisioned.
func (o *EgressOptions) rules(ctx caddy.Context) (*egress.Rules, error) {
	allow, deny := slices.Clone(o.Allow), slices.Clone(o.Deny) // the definition keeps its placeholders
	for i := range allow {
		if err := discovery.Resolve("allow", &allow[i]); err != nil {
			return nil, err
		}
	}
	for i := range deny {
		if err := discovery.Resolve("deny", &deny[i]); err != nil {
			return nil, err
		}
	}
	return egress.New(allow, deny, egress.ListenersOf(ctx))
}
