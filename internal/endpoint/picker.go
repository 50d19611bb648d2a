package endpoint

import "net/http"

// Policy is a selection policy that picks from a roster. A pool looks for it on the policy of its
// reverse proxy, because a pick costs the same for any number of endpoints, and a list does not.
type Policy interface {
	// NewPicker starts to follow a roster. The picker asks admit about each endpoint that it
	// considers; nil admits all.
	NewPicker(r *Roster, admit Admit) Picker
}

// Admit reports whether a member may get a request, and its limit of requests in flight; 0 is none.
type Admit func(m *Member) (ok bool, limit int)

// Picker picks the endpoint of a roster that serves a request.
type Picker interface {
	// Pick returns an endpoint with a place reserved for the request, or nil if none is usable.
	// listed reports that the policy has to see the whole list for this request instead.
	Pick(r *http.Request) (e *Endpoint, listed bool)

	// Stop ends the subscription to the roster. Requests that began before may still pick.
	Stop()
}
