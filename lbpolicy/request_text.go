package lbpolicy

import (
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// requestText is a text with placeholders that each request fills in. Beside those of Caddy it has
// the network of the client, such as `{client_ip/24,64}`.
type requestText struct {
	text        string
	placeholder string     // its name, if the text consists of one
	parts       []textPart // of a text with networks; else nil
}

// textPart is text without networks, or a network.
type textPart struct {
	text    string
	network *clientNetwork
}

func newRequestText(text string) requestText {
	return requestText{text, onlyPlaceholder(text), networkParts(text)}
}

// networkParts splits a text into networks and what is between them. It returns nil for a text
// without networks.
func networkParts(text string) (parts []textPart) {
	for _, name := range placeholdersOf(text) {
		n, ok, err := networkOf(name)
		if !ok || err != nil {
			continue
		}
		before, after, _ := strings.Cut(text, "{"+name+"}")
		if before != "" {
			parts = append(parts, textPart{text: before})
		}
		parts, text = append(parts, textPart{network: &n}), after
	}
	if parts != nil && text != "" {
		parts = append(parts, textPart{text: text})
	}
	return parts
}

// checkNetworks returns what is wrong with the networks in a text.
func checkNetworks(text string) error {
	for _, name := range placeholdersOf(text) {
		if _, _, err := networkOf(name); err != nil {
			return err
		}
	}
	return nil
}

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
	switch {
	case len(t.parts) == 1:
		return t.parts[0].network.of(r)
	case t.parts != nil:
		return t.join(r, repl)
	case t.placeholder != "":
		value, _ := repl.GetString(t.placeholder)
		return value
	}
	return repl.ReplaceAll(t.text, "")
}

// unknown returns the name of the first placeholder that is not there in a request, "" if all are.
func (t *requestText) unknown(r *http.Request) string {
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return ""
	}
	for _, name := range placeholdersOf(t.text) {
		if _, isNetwork, _ := networkOf(name); isNetwork {
			continue
		}
		if _, known := repl.Get(name); !known {
			return name
		}
	}
	return ""
}

func (t *requestText) join(r *http.Request, repl *caddy.Replacer) string {
	var text strings.Builder
	for _, p := range t.parts {
		if p.network != nil {
			text.WriteString(p.network.of(r))
		} else {
			text.WriteString(repl.ReplaceAll(p.text, ""))
		}
	}
	return text.String()
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
