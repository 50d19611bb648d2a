package attempt

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/internal/limit"
)

// ClassOf returns the class of a request by a text with placeholders. Without a text, all requests
// are alike.
func ClassOf(r *http.Request, text string) limit.Class {
	if text == "" {
		return limit.Normal
	}
	values, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return limit.Normal
	}
	return limit.ClassOf(values.ReplaceKnown(text, ""))
}
