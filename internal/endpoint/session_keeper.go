package endpoint

import "net/http"

// SessionKeeper is a policy that keeps sessions. A pool that lists its endpoints for the policy
// lists an endpoint that gets no new requests too if it has the session of the request.
type SessionKeeper interface {
	// FollowSessions finds sessions in the lists of a roster until stop is called. find returns the
	// member that has the session of a request and can serve it, nil if there is none. A nil admit
	// admits all members.
	FollowSessions(r *Roster, admit Admit) (find func(*http.Request) *Member, stop func())
}

// SessionHolder is a policy for which the requests of a session may belong to one endpoint.
type SessionHolder interface {
	// HoldsSessions reports whether they do.
	HoldsSessions() bool
}
