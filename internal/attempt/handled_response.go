package attempt

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// The routes of handle_response may take long, as those after forward_auth do, and Caddy closes the
// answer's body only then. Therefore they begin with a handler that ends the attempt, unless one of
// them may read the body.

// endHandledAnswers makes routes that handle an answer, and do not read its body, begin with its
// end.
func (t *Transport) endHandledAnswers() {
	handlers := slices.Clone(t.handler.HandleResponse)
	for i := range handlers {
		h := &handlers[i]
		if h.StatusCode == "" && !mayReadAnswer(h.Routes) {
			end := caddyhttp.Route{Handlers: []caddyhttp.MiddlewareHandler{answerEnd{t}}}
			h.Routes = slices.Insert(slices.Clone(h.Routes), 0, end)
		}
	}
	t.handler.HandleResponse = handlers
}

// mayReadAnswer reports whether some handler of the routes copies the answer, or may do so because
// it is defined elsewhere.
func mayReadAnswer(routes caddyhttp.RouteList) bool {
	for i := range routes {
		for _, raw := range routes[i].HandlersRaw {
			var handler any
			if json.Unmarshal(raw, &handler) != nil || names(handler, "copy_response", "invoke") {
				return true
			}
		}
	}
	return false
}

// names reports whether one of the words is a text in a JSON value.
func names(value any, words ...string) bool {
	of := func(v any) bool { return names(v, words...) }
	switch v := value.(type) {
	case string:
		return slices.Contains(words, v)
	case []any:
		return slices.ContainsFunc(v, of)
	case map[string]any:
		for _, field := range v {
			if of(field) {
				return true
			}
		}
	}
	return false
}

// answerEnd ends the attempt whose answer is handled by the routes that follow.
type answerEnd struct{ transport *Transport }

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h answerEnd) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if attempts := h.transport.attemptsOf(r); attempts != nil {
		if last := attempts.lastAttempt(); last != nil {
			last.end()
		}
		attempts.place.Leave()
	}
	return next.ServeHTTP(w, r)
}
