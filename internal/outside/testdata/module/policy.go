package outside

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/lbpolicy"
)

func init() { caddy.RegisterModule(new(Policy)) }

// Policy selects the first usable endpoint, of a pool as well as of static upstreams. It is a
// policy in a module of its own: it uses nothing but Caddy and what lbpolicy exports.
type Policy struct {
	transport *lbpolicy.Transport
}

// CaddyModule returns the Caddy module information.
func (*Policy) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.selection_policies.outside",
		New: func() caddy.Module { return new(Policy) },
	}
}

// UnmarshalCaddyfile sets up the policy from Caddyfile tokens. Syntax:
//
//	lb_policy outside
func (p *Policy) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the name of the policy
	if d.NextArg() {
		return d.ArgErr()
	}
	return nil
}

// Provision implements caddy.Provisioner.
func (p *Policy) Provision(ctx caddy.Context) (err error) {
	p.transport, err = lbpolicy.Install(ctx)
	return err
}

// Select implements reverseproxy.Selector. Caddy calls it for static upstreams, and with the only
// upstream that a pool returns after a pick.
func (p *Policy) Select(
	upstreams reverseproxy.UpstreamPool, _ *http.Request, _ http.ResponseWriter,
) *reverseproxy.Upstream {
	for _, u := range upstreams {
		if u.Available() {
			return u
		}
	}
	return nil
}

// NewPicker implements lbpolicy.Policy. A pool calls it to let the policy pick.
func (p *Policy) NewPicker(r *lbpolicy.Roster, admit lbpolicy.Admit) lbpolicy.Picker {
	return &picker{transport: p.transport, roster: r, admit: admit}
}

type picker struct {
	transport *lbpolicy.Transport
	roster    *lbpolicy.Roster
	admit     lbpolicy.Admit
}

// Pick implements lbpolicy.Picker.
func (p *picker) Pick(r *http.Request) (e *lbpolicy.Endpoint, listed bool) {
	attempts, snapshot := p.transport.Attempts(r), p.roster.Snapshot()
	e = p.first(snapshot, attempts)
	if e == nil && p.roster.CatchUp(snapshot) {
		e = p.first(p.roster.Snapshot(), attempts)
	}
	return e, false
}

// first takes a place at the first usable endpoint, from those that the request has not tried while
// there are any.
func (p *picker) first(s *lbpolicy.Snapshot, attempts *lbpolicy.RequestAttempts) *lbpolicy.Endpoint {
	for untriedOnly := attempts.Any(); ; untriedOnly = false {
		for _, band := range s.Bands {
			for i := range band.Members {
				m := &band.Members[i]
				ok, limit := s.Usable(m, p.admit)
				if ok && !(untriedOnly && attempts.Tried(m.Endpoint)) && attempts.Take(m.Endpoint, limit) {
					return m.Endpoint
				}
			}
		}
		if !untriedOnly {
			return nil
		}
	}
}

// Stop implements lbpolicy.Picker. The picker has subscribed to nothing.
func (p *picker) Stop() {}

// Interface guards
var (
	_ caddy.Provisioner     = (*Policy)(nil)
	_ caddyfile.Unmarshaler = (*Policy)(nil)
	_ reverseproxy.Selector = (*Policy)(nil)
	_ lbpolicy.Policy       = (*Policy)(nil)
)
