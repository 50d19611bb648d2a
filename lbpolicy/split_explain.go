package lbpolicy

import (
	"fmt"
	"net/http"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// Explain implements endpoint.Explainer. It says which group the request has, and how the policy of
// that group would pick.
func (s *splitPicker) Explain(r *http.Request) endpoint.Explanation {
	g, why := s.policy.explainGroup(r)
	served, e := s.explainServed(g, r)
	if p := s.policy.Sticky; p != nil && p.Cookie == nil {
		e.Key = p.key.of(r)
	}
	e.Policy, e.Group = s.policy.name(), s.policy.Groups[served].Name
	if served != g {
		why = fmt.Sprintf("%s; group %s has no usable endpoint", why, s.policy.Groups[g].Name)
	}
	e.Reason = why + "; within the group, " + e.Reason
	s.addOthers(&e, served)
	return e
}

// explainServed returns the group that serves a request of group own, and how its policy picks. A
// policy that keeps sessions may pick an endpoint that gets no new requests.
func (s *splitPicker) explainServed(own int, r *http.Request) (served int, e endpoint.Explanation) {
	for n := range s.policy.tries() {
		g, ok := s.policy.nth(n, own)
		if !ok {
			continue
		}
		if e = s.explainWithin(g, r); e.Picked != "" || s.groups[g].hasUntried(s.admit, nil) {
			return g, e
		}
	}
	return own, s.explainWithin(own, r)
}

// explainGroup returns the group of a request, and why it has that one.
func (p *Split) explainGroup(r *http.Request) (g int, why string) {
	if g = p.forced(r); g >= 0 {
		return g, "the request names its group"
	}
	if p.Sticky != nil {
		if slot, ok := p.Sticky.slot(r); ok {
			return int(p.rollout.table().group[slot]), fmt.Sprintf(
				"the place of the client is %v %%, and this group has the share there", percentOf(slot))
		}
	}
	g = p.standard
	shares := p.rollout.table().shares
	for i, share := range shares {
		if share > shares[g] {
			g = i
		}
	}
	return g, fmt.Sprintf("groups take turns, and this one has %v %%", percentOf(shares[g]))
}

// explainWithin lets the policy of a group explain its pick.
func (s *splitPicker) explainWithin(g int, r *http.Request) endpoint.Explanation {
	if x, ok := s.groups[g].picker.(endpoint.Explainer); ok {
		return x.Explain(r)
	}
	return endpoint.Explanation{
		Bands: []endpoint.ExplainedBand{}, Endpoints: []endpoint.ExplainedEndpoint{},
		Reason: "a policy picks that does not say how",
	}
}

// addOthers adds the endpoints of the other groups after those of the group.
func (s *splitPicker) addOthers(e *endpoint.Explanation, g int) {
	snapshot, explained := s.roster.Snapshot(), make(map[string]bool)
	for i := range e.Endpoints {
		explained[e.Endpoints[i].Address] = true
	}
	for i := range snapshot.Members {
		m := &snapshot.Members[i]
		if explained[m.Address()] {
			continue
		}
		x := endpoint.ExplainedEndpoint{
			Address: m.Address(), ID: m.Info.ID, Band: -1, Status: s.roster.Status(snapshot, m),
		}
		if other := s.policy.groupOf(m.Info); other < 0 {
			x.Usable, x.Reason = false, "it is in no group"
		} else if other != g && x.Reason == "" {
			x.Reason = "it is in group " + s.policy.Groups[other].Name
		}
		e.Endpoints = append(e.Endpoints, x)
	}
}
