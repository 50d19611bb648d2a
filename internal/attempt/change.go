package attempt

import "net/http"

// Change is something that a policy decides by a pick and that holds only if the endpoint answers,
// such as where the session of a client is.
type Change interface {
	// Commit makes the change hold, before the client gets any of the answer.
	Commit()
	// Revert undoes the change, which may be committed, because the client gets no answer of the
	// endpoint.
	Revert()
}

// Await commits a change when the endpoint of the pick answers, and reverts it if the endpoint
// fails the request, or Caddy discards the answer because of lb_retry_match. It reports false if
// the pick is not for this address.
func (a *RequestAttempts) Await(dial string, c Change) bool {
	if a == nil || a.current == nil || a.current.endpoint.Address() != dial {
		return false
	}
	a.current.change = c
	return true
}

// commit commits the change that waits for the answer of the attempt.
func (a *Attempt) commit() {
	if a.change != nil {
		a.change.Commit()
	}
}

// revert reverts the change of an attempt whose answer the client does not get. If the client has
// left, the endpoint may have begun what the change stands for.
func (a *Attempt) revert(req *http.Request) {
	if a.change != nil && req.Context().Err() == nil {
		a.change.Revert()
		a.change = nil
	}
}
