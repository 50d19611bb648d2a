package endpoint

import "net/http"

// Explainer is a picker that says which endpoint it would pick for a request, and why, without
// picking.
type Explainer interface {
	Explain(r *http.Request) Explanation
}

// Explanation is how a policy would pick for a request now.
type Explanation struct {
	// Policy is the name of the policy.
	Policy string `json:"policy"`

	// Sites are the first of the sites whose policy it is, by name, and MoreSites is the number of
	// the others.
	Sites     []string `json:"sites,omitempty"`
	MoreSites int      `json:"more_sites,omitempty"`

	// Group is the group of endpoints in which the policy picks, if it has groups.
	Group string `json:"group,omitempty"`

	// Picked is the address of the endpoint that would most probably be picked; empty if none is
	// usable.
	Picked string `json:"picked,omitempty"`

	// Reason says why it would be that one.
	Reason string `json:"reason"`

	// Route is the route of the request, if the policy tells routes apart.
	Route string `json:"route,omitempty"`

	// Parked says that requests of the route are no work, so that only the number in flight counts.
	Parked bool `json:"parked,omitempty"`

	// Key is what the policy hashes.
	Key string `json:"key,omitempty"`

	// Admission is what the limits of the pool would make of the request, before the policy picks;
	// nil if the pool lets all requests in.
	Admission *Admission `json:"admission,omitempty"`

	// Bands are the priorities and zones that serve, and the share of each.
	Bands []ExplainedBand `json:"bands"`

	// Endpoints are all endpoints, the best first.
	Endpoints []ExplainedEndpoint `json:"endpoints"`
}

// ExplainedBand is a part of the endpoints with its part of the requests.
type ExplainedBand struct {
	// Priority and Zone are those of its endpoints. Zone is empty if the band has several.
	Priority int    `json:"priority"`
	Zone     string `json:"zone,omitempty"`

	// Share is its part of the requests, from 0 to 1.
	Share float64 `json:"share"`

	// Endpoints is the number of its endpoints.
	Endpoints int `json:"endpoints"`
}

// ExplainedEndpoint is what a policy thinks of an endpoint.
type ExplainedEndpoint struct {
	// Address is the address of the endpoint.
	Address string `json:"address"`

	// ID is the id of the endpoint.
	ID string `json:"id,omitempty"`

	// Band is the index of its band, -1 if it is in none.
	Band int `json:"band"`

	Status

	// Rank is the endpoint's place in the order of the policy within its band, from 1; 0 if the
	// policy has no order, or the endpoint is not usable.
	Rank int `json:"rank,omitempty"`

	// Cost is what the policy compares; the least wins.
	Cost *float64 `json:"cost,omitempty"`

	// Parts are what the cost or the order is made of.
	Parts map[string]float64 `json:"parts,omitempty"`
}

// AddExplainer makes Explainers return a picker until remove is called, if it is an Explainer. site
// says what it picks for.
func (r *Roster) AddExplainer(p Picker, site string) (remove func()) {
	if e, ok := p.(Explainer); ok {
		r.explainers.Store(e, site)
	}
	return func() { r.explainers.Delete(p) }
}

// Explainers returns those of the handlers that use the roster, with their sites.
func (r *Roster) Explainers() map[Explainer]string {
	all := make(map[Explainer]string)
	r.explainers.Range(func(key, site any) bool {
		all[key.(Explainer)] = site.(string)
		return true
	})
	return all
}

// AddPart adds a part of what the cost or the order is made of.
func (e *ExplainedEndpoint) AddPart(name string, value float64) {
	if e.Parts == nil {
		e.Parts = make(map[string]float64)
	}
	e.Parts[name] = value
}
