package endpoint

import "github.com/caddy-balance/caddy-balance/internal/load"

// Keeps reports whether a member keeps the sessions that it has. A draining member does, and so
// does one whose priority or zone gets no new sessions now. One that waits for its first probe does
// too, because all endpoints do after a restart. A member that fails or is in maintenance has lost
// its sessions.
func (s *Snapshot) Keeps(m *Member) bool { return !m.Is(s.lost) }

// KeptBy reports whether a member may get a request of a session that it keeps now, and its limit
// of requests in flight, 0 for no limit. A nil admit admits all members.
func (s *Snapshot) KeptBy(m *Member, admit Admit) (ok bool, limit int) {
	ok = s.Keeps(m)
	if ok && admit != nil {
		ok, limit = admit(m)
	}
	if m.Is(s.HalfOpen) && !m.IsTrialDue(load.Now()) {
		return false, limit
	}
	return ok && (limit == 0 || m.InFlight() < limit), limit
}

// lost returns the conditions of an endpoint that has lost its sessions.
func (m Mode) lost() Condition {
	if m == Open {
		return maintenance
	}
	return unhealthy&^Unchecked | maintenance
}
