package lbpolicy

import (
	"net/http"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// FollowSessions implements endpoint.SessionKeeper.
func (p *Sticky) FollowSessions(
	r *endpoint.Roster, admit endpoint.Admit,
) (find func(*http.Request) *endpoint.Member, stop func()) {
	s := &stickyPicker{policy: p, roster: r, admit: admit}
	unsubscribe, unwatch := r.Subscribe(s.prepare), watchSameIDs(r)
	return s.sessionOf, func() {
		unsubscribe()
		unwatch()
	}
}

// sessionOf returns the member that has the session of a request, nil if it cannot serve it.
func (s *stickyPicker) sessionOf(r *http.Request) *endpoint.Member {
	of, ok := s.policy.read(r, s.policy.now(), false, s)
	if !ok {
		return nil
	}
	m := s.find(r, of.token)
	if m == nil || s.policy.transport.Attempts(r).Tried(m.Endpoint) {
		return nil
	}
	if ok, _ := s.roster.Snapshot().KeptBy(m, s.admit); !ok {
		return nil
	}
	return m
}

// keeps reports whether member i may get a request of a session that it has. It may have no weight,
// because it drains.
func (c *candidates) keeps(i int) bool {
	if c.untriedOnly && c.attempts.Tried(c.members[i].Endpoint) {
		return false
	}
	ok, limit := c.admitted(i)
	return ok && (limit == 0 || c.members[i].InFlight() < limit)
}

// HoldsSessions implements endpoint.SessionHolder.
func (*Sticky) HoldsSessions() bool { return true }

var (
	_ endpoint.SessionKeeper = (*Sticky)(nil)
	_ endpoint.SessionHolder = (*Sticky)(nil)
)
