package lbpolicy

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/cespare/xxhash/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(Split)) }

// Split sends each group of endpoints its share of the requests: a canary, blue and green, or the
// variants of an experiment. Another policy picks within the group.
//
// Groups take turns, so that shares are exact at any time and not only on average: of any 10,000
// requests in a row, a group with a share of 10 % gets 1,000. A retry stays in the group of its
// request while that has an endpoint which was not tried. If a group has no usable endpoint, its
// requests go to the default group, which is the one without a share. If that has none either, they
// go to any group with a share of more than 0.
//
// Choose it when versions of a service run side by side, and the number of their endpoints must not
// decide how many requests each of them gets. Do not choose it only because endpoints differ in
// size: that is what weights are for.
//
// Sources: traffic splitting of Envoy and of the Kubernetes gateway API; turns by the golden ratio
// (Weyl, 1916).
type Split struct {
	// The groups, 1 to 16. Required.
	Groups []SplitGroup `json:"groups,omitempty"`

	// Keeps a client in its group. When a share changes, only those move that must. Requests that
	// bring nothing to go by take turns. Default: every request takes its turn.
	Sticky *SplitSticky `json:"sticky,omitempty"`

	// Lets a request choose its group, for testers. Default: none does.
	Force *SplitForce `json:"force,omitempty"`

	// Stops a group that is worse than the default group. Default: none.
	Guard *SplitGuard `json:"guard,omitempty"`

	standard int // the default group
	rollout  *rollout
	release  func()
	pool     *splitPicker // nil if no pool lets the policy pick
	selector
}

// CaddyModule returns the Caddy module information.
func (*Split) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.selection_policies.split",
		New: func() caddy.Module { return new(Split) },
	}
}

// UnmarshalJSON refuses unknown fields.
func (p *Split) UnmarshalJSON(data []byte) error {
	type fields Split
	return options.Decode(data, (*fields)(p))
}

// UnmarshalCaddyfile sets up the policy from Caddyfile tokens. Syntax:
//
//	lb_policy split {
//	    group <name> [<key>=<value>...] [<share>%] {
//	        policy <policy> ...
//	        steps  <share>% <duration>, <share>% <duration>, ... <share>%
//	    }
//	    sticky cookie <name> {
//	        path      <path>
//	        domain    <domain>
//	        max_age   <duration>
//	        same_site strict|lax|none
//	        secure    on|off|auto
//	        readable
//	        partitioned
//	    }
//	    sticky header <name>
//	    sticky key    <text>
//	    force header|cookie <name>
//	    guard {
//	        errors       <factor>|off
//	        p99          <factor>|off
//	        confidence   <percent>%
//	        window       <duration>
//	        min_requests <number>
//	    }
//	}
func (p *Split) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	guard := new(SplitGuard)
	return caddyfile.Parse(d, caddyfile.Block(
		caddyfile.Repeated("group", &p.Groups, groupArguments),
		stickyOption(&p.Sticky),
		forceOption(&p.Force),
		caddyfile.SectionInto("guard", &p.Guard, guard, guard.options()...),
	))
}

// Provision implements caddy.Provisioner.
func (p *Split) Provision(ctx caddy.Context) error {
	if err := p.checkGroups(); err != nil {
		return err
	}
	if err := p.checkOptions(ctx); err != nil {
		return err
	}
	if err := p.provision(ctx, p, nil); err != nil {
		return err
	}
	if !strings.HasPrefix(p.listName(), "pool ") {
		if err := p.checkWithoutPool(); err != nil {
			return err
		}
	}
	if err := p.acquireRollout(); err != nil {
		return err
	}
	for i := range p.Groups {
		if err := p.Groups[i].provisionGuest(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (p *Split) checkOptions(ctx caddy.Context) error {
	if p.Force != nil {
		if err := p.Force.check(); err != nil {
			return err
		}
	}
	if p.Sticky != nil {
		if err := p.Sticky.provision(ctx); err != nil {
			return fmt.Errorf("sticky: %w", err)
		}
	}
	if p.Guard != nil {
		if err := p.Guard.check(); err != nil {
			return fmt.Errorf("guard: %w", err)
		}
	}
	return nil
}

// checkWithoutPool refuses what only a pool has the state for.
func (p *Split) checkWithoutPool() error {
	const expected = "it needs a pool; expected `dynamic pool` in the same reverse proxy"
	if p.Guard != nil {
		return errors.New("guard: " + expected)
	}
	for i := range p.Groups {
		if len(p.Groups[i].Steps) > 0 {
			return fmt.Errorf("group %s: steps: %s", p.Groups[i].Name, expected)
		}
	}
	return nil
}

// acquireRollout finds the state that earlier configs and other reverse proxies have.
func (p *Split) acquireRollout() error {
	definition, err := json.Marshal([]any{p.Groups, p.Guard})
	if err != nil {
		return err
	}
	p.rollout, p.release = endpoint.Keep("split of "+p.listName()+" "+string(definition), func() *rollout {
		return newRollout(p.Groups, p.standard, p.Guard)
	})
	if p.Sticky != nil {
		p.Sticky.salt = xxhash.Sum64String(p.listName())
	}
	return nil
}

// Fallback returns a policy for which a pool lists its endpoints, nil if there is none.
func (p *Split) Fallback() any {
	for i := range p.Groups {
		if g := &p.Groups[i]; !g.picks() {
			return g.guest
		} else if guest, ok := g.guest.(interface{ Fallback() any }); ok {
			if fallback := guest.Fallback(); fallback != nil {
				return fallback
			}
		}
	}
	return nil
}

// Cleanup implements caddy.CleanerUpper.
func (p *Split) Cleanup() error {
	if p.release != nil {
		p.release()
		p.release = nil
	}
	return p.selector.Cleanup()
}

// prepare implements algorithm. The guests have the tables.
func (p *Split) prepare([]endpoint.Member) bandPicker { return nothingPicked{} }

// nothingPicked is for a policy that does not pick from a list as a whole.
type nothingPicked struct{}

func (nothingPicked) pick(candidates) int { return -1 }

// Interface guards
var (
	_ caddy.Provisioner     = (*Split)(nil)
	_ caddy.CleanerUpper    = (*Split)(nil)
	_ caddyfile.Unmarshaler = (*Split)(nil)
)
