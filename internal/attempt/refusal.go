package attempt

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/limit"
)

// A pool that refuses a request must end it at once, with a status and a header of its own. Caddy
// lets an upstream source do neither: without an upstream it waits and asks again. Therefore the
// source returns a stand-in for an upstream, whatever the policy, the transport answers in its
// place, and a response handler turns that answer into an error like Caddy's own.

// standIn is the address of the upstream that takes a refused request. It is never dialed.
const standIn = "refused.invalid:80"

// refusedStatus is the status of the transport's answer, which no client gets. No backend sends it,
// so that answers of backends cost no look at their headers.
const refusedStatus = 299

// refusedHeader is the header that tells that answer apart, by a value that no backend knows.
const refusedHeader = "Caddy-Balance-Refused"

var refusedValue = rand.Text()

// Refusal is why a pool does not take a request.
type Refusal struct {
	Err        error
	RetryAfter int // in seconds
}

// Refuse makes the request end with a refusal, and returns the upstreams for Caddy.
func (a *RequestAttempts) Refuse(r Refusal) []*reverseproxy.Upstream {
	a.refusal = &r
	return []*reverseproxy.Upstream{{Dial: standIn}}
}

// IsRefused reports whether the request is refused, so that the first upstream is to be selected.
func (a *RequestAttempts) IsRefused() bool { return a != nil && a.refusal != nil }

// AllowRefusals makes Refuse work, and requests hold places at a gate. It may only be called once,
// while the handler is provisioned.
func (t *Transport) AllowRefusals(g *limit.Gate) {
	t.refuses, t.gate, t.gateKey = true, g, gateKeyOf(g)
	handler := caddyhttp.ResponseHandler{
		Match: &caddyhttp.ResponseMatcher{
			StatusCode: []int{refusedStatus}, Headers: http.Header{refusedHeader: {refusedValue}},
		},
		Routes: caddyhttp.RouteList{{Handlers: []caddyhttp.MiddlewareHandler{refuser{t}}}},
	}
	t.handler.HandleResponse = slices.Insert(t.handler.HandleResponse, 0, handler)
}

// refusalOf returns the refusal of the request of a round trip, nil if it is not refused.
func (t *Transport) refusalOf(req *http.Request) *Refusal {
	if !t.refuses {
		return nil
	}
	if attempts := t.attemptsOf(req); attempts != nil {
		return attempts.refusal
	}
	return nil
}

// refused is the round trip of a request that is refused.
func refused(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		req.Body.Close()
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: refusedStatus, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{refusedHeader: {refusedValue}}, Body: http.NoBody,
	}, nil
}

// refuser turns the answer to a refused request into an error.
type refuser struct{ transport *Transport }

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h refuser) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	refusal := h.transport.refusalOf(r)
	if refusal == nil {
		return caddyhttp.Error(http.StatusBadGateway, nil)
	}
	if values, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		for _, prefix := range []string{"upstream.", "header.", "status_"} {
			values.DeleteByPrefix(placeholderPrefix + prefix) // there is no upstream, and none has answered
		}
	}
	w.Header().Set("Retry-After", strconv.Itoa(refusal.RetryAfter))
	return caddyhttp.Error(http.StatusServiceUnavailable, refusal.Err)
}
