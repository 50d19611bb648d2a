package lbpolicy

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// Explain implements endpoint.Explainer. The order is that of the guest, after the endpoint that
// has the session.
func (s *stickyPicker) Explain(r *http.Request) endpoint.Explanation {
	e := s.explainGuest(r)
	e.Policy = s.policy.name()
	of, ok := s.policy.read(r, s.policy.now(), false, s)
	if !ok {
		e.Reason = "newcomer: " + e.Reason
		return e
	}
	if home := s.find(r, of.home); home != nil && s.policy.Return {
		if usable, _ := s.roster.Snapshot().Usable(home, s.admit); usable {
			s.putFirst(&e, home, "the session returns to "+home.Info.Key())
			return e
		}
	}
	m := s.find(r, of.token)
	if m == nil {
		e.Reason = "newcomer, because the endpoint of its session is not in the pool: " + e.Reason
		return e
	}
	snapshot := s.roster.Snapshot()
	if usable, _ := snapshot.KeptBy(m, s.admit); usable {
		reason := "session of endpoint " + m.Info.Key()
		if isNew, _ := snapshot.Usable(m, s.admit); !isNew {
			reason += ", which gets no new ones"
		}
		s.putFirst(&e, m, reason)
		return e
	}
	why := "which is full or gets no request now, and keeps the session"
	if !snapshot.Keeps(m) {
		why = "which has lost it: " + s.roster.Status(snapshot, m).Reason
	}
	e.Reason = fmt.Sprintf("session of endpoint %s, %s; guest: %s", m.Info.Key(), why, e.Reason)
	return e
}

// explainGuest returns how the guest would pick. A policy of Caddy's does not say.
func (s *stickyPicker) explainGuest(r *http.Request) endpoint.Explanation {
	if guest, ok := s.guest.(endpoint.Explainer); ok {
		e := guest.Explain(r)
		e.Reason = e.Policy + " says that " + e.Reason
		return e
	}
	e := endpoint.Explanation{
		Reason: "a policy of Caddy's picks",
		Bands:  []endpoint.ExplainedBand{}, Endpoints: []endpoint.ExplainedEndpoint{},
	}
	snapshot := s.roster.Snapshot()
	for i := range snapshot.Members {
		m := &snapshot.Members[i]
		usable, _ := snapshot.Usable(m, s.admit)
		x := endpoint.ExplainedEndpoint{
			Address: m.Address(), ID: m.Info.ID, Band: -1, Status: s.roster.Status(snapshot, m),
		}
		x.Usable = usable
		e.Endpoints = append(e.Endpoints, x)
	}
	return e
}

// putFirst makes a member the pick. The guest is not asked, so a group that it would pick from says
// nothing.
func (s *stickyPicker) putFirst(e *endpoint.Explanation, m *endpoint.Member, reason string) {
	e.Picked, e.Group, e.Reason = m.Address(), "", reason
	at := slices.IndexFunc(e.Endpoints, func(x endpoint.ExplainedEndpoint) bool { return x.Address == m.Address() })
	if at < 0 {
		return // the list has changed meanwhile
	}
	x := e.Endpoints[at]
	e.Endpoints = slices.Insert(slices.Delete(e.Endpoints, at, at+1), 0, x)
}
