package lbpolicy

import (
	"net/http"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// NewPicker implements endpoint.Policy. Each group has a part of the list, from which its policy
// picks as from a pool.
func (p *Split) NewPicker(r *endpoint.Roster, admit endpoint.Admit) endpoint.Picker {
	s := &splitPicker{policy: p, roster: r, admit: admit, groups: make([]groupPicker, len(p.Groups))}
	for i := range s.groups {
		g := &s.groups[i]
		g.roster, g.stop = r.Subset(func(info *listing.Info) bool { return p.groupOf(info) == i })
		if guest, ok := p.Groups[i].guest.(endpoint.Policy); ok {
			g.picker = guest.NewPicker(g.roster, admit)
		}
	}
	s.detach = p.rollout.attach(r)
	p.pool = s
	return s
}

// splitPicker picks from the lists of a roster.
type splitPicker struct {
	policy *Split
	roster *endpoint.Roster
	admit  endpoint.Admit
	groups []groupPicker
	detach func()
}

// groupPicker picks from a group.
type groupPicker struct {
	roster *endpoint.Roster
	stop   func()
	picker endpoint.Picker // nil if the group's policy needs a list
}

// Pick implements endpoint.Picker.
func (s *splitPicker) Pick(r *http.Request) (e *endpoint.Endpoint, listed bool) {
	attempts := s.policy.transport.Attempts(r)
	own := s.policy.assign(r, attempts)
	for untriedOnly := attempts.Any(); ; untriedOnly = false {
		for n := range s.policy.tries() {
			if n > 0 && attempts.IsHedge() {
				return nil, false // it stays in its group, so that a tester sees one version
			}
			g, ok := s.policy.nth(n, own)
			if !ok || untriedOnly && !s.groups[g].hasUntried(s.admit, attempts) {
				continue
			}
			if s.groups[g].picker == nil {
				return nil, true
			}
			if n > 0 {
				attempts.NoteGroupSpill()
			}
			if e, listed = s.groups[g].picker.Pick(r); e != nil || listed {
				if e != nil {
					s.policy.noteServed(attempts, g, n > 0)
				}
				return e, listed
			}
		}
		if !untriedOnly {
			return nil, false
		}
	}
}

// hasUntried reports whether the group has a usable endpoint that the request has not tried. The
// list of a group follows that of the pool a moment later, so that it is brought up to date before
// another group gets the request.
func (g *groupPicker) hasUntried(admit endpoint.Admit, attempts *attempt.RequestAttempts) bool {
	s := g.roster.Snapshot()
	return anyUntried(s, admit, attempts) || g.roster.CatchUp(s) && anyUntried(g.roster.Snapshot(), admit, attempts)
}

func anyUntried(s *endpoint.Snapshot, admit endpoint.Admit, attempts *attempt.RequestAttempts) bool {
	for i := range s.Members {
		m := &s.Members[i]
		if ok, _ := s.Usable(m, admit); ok && !attempts.Tried(m.Endpoint) {
			return true
		}
	}
	return false
}

// Stop implements endpoint.Picker.
func (s *splitPicker) Stop() {
	s.detach()
	for i := range s.groups {
		if s.groups[i].picker != nil {
			s.groups[i].picker.Stop()
		}
		s.groups[i].stop()
	}
}

// HoldsSessions implements endpoint.SessionHolder. The policy of a group may hold some.
func (p *Split) HoldsSessions() bool {
	for i := range p.Groups {
		if holder, ok := p.Groups[i].guest.(endpoint.SessionHolder); ok && holder.HoldsSessions() {
			return true
		}
	}
	return false
}

var _ endpoint.SessionHolder = (*Split)(nil)
