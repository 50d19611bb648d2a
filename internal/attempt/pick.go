package attempt

import (
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// pickNote is what a policy says of the pick that comes next.
type pickNote struct {
	reason   endpoint.PickReason
	fallback string // the name of the policy that picks instead of the handler's; "" if that picks itself
	moved    bool   // the session of the request leaves its endpoint
	spilled  bool   // the group of the request has no usable endpoint
	hedge    bool   // the pick is for an attempt beside another one
}

// Note says why the next pick of the request is made, if it is not the first choice. A retry is one
// whatever is noted.
func (a *RequestAttempts) Note(r endpoint.PickReason) {
	if a != nil {
		a.note.reason = r
	}
}

// NoteFallback says that another policy makes the next pick, with the name of its module. "" takes
// that back.
func (a *RequestAttempts) NoteFallback(policy string) {
	if a != nil {
		a.note.fallback = policy
	}
}

// NoteMove says that the next pick moves a session to another endpoint, whatever else is noted.
func (a *RequestAttempts) NoteMove() {
	if a != nil {
		a.note.moved = true
	}
}

// NoteGroupSpill says that the next pick is in another group than that of the request, because that
// has no usable endpoint, whatever else is noted.
func (a *RequestAttempts) NoteGroupSpill() {
	if a != nil {
		a.note.spilled = true
	}
}

// countPick counts a pick of the request, ends what was noted of it, and returns its reason.
func (a *RequestAttempts) countPick(e *endpoint.Endpoint) (reason endpoint.PickReason) {
	policy := a.note.fallback
	reason = a.note.reason
	if policy != "" {
		reason = endpoint.Fallback
	} else if a.transport.policy != nil {
		policy = a.transport.policy()
	}
	if a.note.moved {
		reason = endpoint.Moved
	}
	if a.note.spilled {
		reason = endpoint.GroupSpill
	}
	if a.note.hedge {
		reason = endpoint.Hedge
	} else if len(a.sentAttempts) > 0 {
		reason = endpoint.Retry
	}
	a.note.reason, a.note.moved, a.note.spilled = endpoint.FirstChoice, false, false
	e.CountPick(policy, reason)
	return reason
}

// PolicyName returns the name of a policy's module, "" if it is none.
func PolicyName(policy any) string {
	if m, ok := policy.(caddy.Module); ok {
		return m.CaddyModule().ID.Name()
	}
	return ""
}

// policyOf returns the name of the policy of a handler. The handler loads it only after its
// transport.
func policyOf(h *reverseproxy.Handler) func() string {
	return sync.OnceValue(func() string {
		if h.LoadBalancing == nil {
			return ""
		}
		return PolicyName(h.LoadBalancing.SelectionPolicy)
	})
}
