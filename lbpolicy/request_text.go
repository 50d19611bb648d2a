package lbpolicy

import (
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// requestText is a text with placeholders that each request fills in.
type requestText struct {
	text        string
	placeholder string // its name, if the text consists of one
}

func newRequestText(text string) requestText { return requestText{text, onlyPlaceholder(text)} }

// of returns the text for a request, with "" for what has no value. It is "" for a request that a
// server does not handle.
func (t *requestText) of(r *http.Request) string {
	if r == nil {
		return ""
	}
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return ""
	}
	if t.placeholder != "" {
		value, _ := repl.GetString(t.placeholder)
		return value
	}
	return repl.ReplaceAll(t.text, "")
}

// onlyPlaceholder returns the name of the placeholder that a text consists of, or "". Such a text
// is looked up without building another around it, which saves an allocation on every pick.
func onlyPlaceholder(text string) string {
	inner, opened := strings.CutPrefix(text, "{")
	inner, closed := strings.CutSuffix(inner, "}")
	if !opened || !closed || strings.ContainsAny(inner, `{}\`) {
		return ""
	}
	return inner
}
