package attempt

import (
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// Tries is what one request has done at one handler so far. It lives in the
// request's variables, under a key of the handler's own: a nested handler such as
// forward_auth shares the variables. Only the request's goroutine uses it.
type RequestAttempts struct {
	transport *Transport
	request   *http.Request
	tried     []*endpoint.Endpoint
	current   *Attempt

	// Room for what nearly every request needs, so that it is one allocation.
	first    Attempt
	fewTried [3]*endpoint.Endpoint
}

// Tries gets the tries of a request at the handler, nil if there is no handler or the
// request has no variables, so that it is not one that a server handles.
func (t *Transport) Tries(r *http.Request) *RequestAttempts {
	if t == nil || r == nil {
		return nil
	}
	vars, ok := r.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
	if !ok {
		return nil
	}
	// The handler may run twice for one request, each time with a clone of it.
	if tries, ok := vars[t.key].(*RequestAttempts); ok && tries.request == r {
		return tries
	}
	tries := &RequestAttempts{transport: t, request: r}
	tries.tried = tries.fewTried[:0]
	vars[t.key] = tries
	return tries
}

// Tried reports whether the request was at the endpoint already.
func (t *RequestAttempts) Tried(e *endpoint.Endpoint) bool {
	return t != nil && slices.Contains(t.tried, e)
}

// Any reports whether the request was at any endpoint already.
func (t *RequestAttempts) Any() bool { return t != nil && len(t.tried) > 0 }

// Begin makes the place that was just reserved at the endpoint the request's own. It
// is given back when the request is over, whatever becomes of it.
func (t *RequestAttempts) Begin(e *endpoint.Endpoint) {
	t.Abandon()
	a := &t.first
	if len(t.tried) > 0 {
		a = new(Attempt)
	}
	t.tried = append(t.tried, e)
	t.current = a
	a.begin(t.request.Context(), t.transport, e)
}

// Picked is the endpoint that was picked for the request and not sent to yet.
func (t *RequestAttempts) Picked() *endpoint.Endpoint {
	if t == nil || t.current == nil {
		return nil
	}
	return t.current.endpoint
}

// Abandon gives back the place of a pick that will not be used.
func (t *RequestAttempts) Abandon() {
	if t.current != nil {
		t.current.end()
		t.current = nil
	}
}

// claim hands the pick over to the round trip, if it was made for this address.
func (t *RequestAttempts) claim(dial string) *Attempt {
	a := t.current
	if a == nil || a.endpoint.Address() != dial {
		return nil
	}
	t.current = nil
	return a
}
