package endpoint

import "net/http"

// Policy is a selection policy that picks from a roster. A pool looks for it on the policy of its
// reverse proxy: a pick costs the same for any number of endpoints, whereas listing all endpoints
// for Caddy's own policies does not.
type Policy interface {
	// NewPicker returns a picker that follows the lists of a roster until it is stopped. The picker
	// asks admit about each member that it considers. A nil admit admits all members without a
	// limit.
	NewPicker(r *Roster, admit Admit) Picker
}

// Admit reports whether a member may get a request, and its limit of requests in flight; 0 is no
// limit. It is how a pool applies Caddy's passive health checks and the limits of endpoints.
type Admit func(m *Member) (ok bool, limit int)

// Picker picks the endpoint of a roster that serves a request. It is called by many requests at
// once.
type Picker interface {
	// Pick returns the endpoint that serves the request, or nil if none is usable. The request may
	// hold a reserved place there (see attempt.RequestAttempts); otherwise its attempt is counted
	// from the moment when it is sent. The pool hands Caddy the picked endpoint, followed by others
	// if Caddy may object to it. listed reports that the policy has to see the whole list for this
	// request instead. The pool then lists its endpoints, and Caddy calls the policy's Select.
	Pick(r *http.Request) (e *Endpoint, listed bool)

	// Stop ends the subscription to the roster. Requests that began before may still pick.
	Stop()
}
