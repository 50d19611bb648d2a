package lbpolicy

import (
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
)

// keyCheck logs once that a key says nothing of the requests. Such a key is otherwise taken in
// silence: all requests then go to random endpoints, or all to the same one.
type keyCheck struct {
	key          string
	placeholders []string
	logger       *zap.Logger
	seen         atomic.Int32
	done         atomic.Bool
}

// checkedRequests is the number of requests that may have an empty key before that is logged.
const checkedRequests = 1000

func newKeyCheck(key string, logger *zap.Logger) *keyCheck {
	return &keyCheck{key: key, placeholders: placeholdersOf(key), logger: logger}
}

// see looks at the key of one request, until a request has one.
func (c *keyCheck) see(r *http.Request) {
	if c.done.Load() || r == nil {
		return
	}
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return
	}
	empty := true
	for _, name := range c.placeholders {
		value, known := repl.GetString(name)
		if n, ok, _ := networkOf(name); ok {
			value, known = n.of(r), true
		}
		if !known && !mayBeKnownLater(name) {
			if !c.done.Swap(true) {
				c.logger.Warn("hash key names an unknown placeholder", c.fields(name)...)
			}
			return
		}
		empty = empty && value == ""
	}
	switch {
	case !empty, len(c.placeholders) == 0:
		c.done.Store(true)
	case c.seen.Add(1) == checkedRequests:
		c.done.Store(true)
		c.logger.Warn("hash key is empty for every request so far", c.fields(c.placeholders[0])...)
	}
}

// mayBeKnownLater reports whether a placeholder that a request does not have may be one that others
// have: Caddy does not know a segment beyond the end of a path, a group of a pattern that has not
// matched, the user of a request without one, or the certificate of a client over plain HTTP.
func mayBeKnownLater(name string) bool { return strings.HasPrefix(name, "http.") }

func (c *keyCheck) fields(placeholder string) []zap.Field {
	return []zap.Field{
		zap.String("key", c.key), zap.String("placeholder", "{"+placeholder+"}"),
		zap.String("instead", insteadOf(placeholder)),
	}
}

// placeholdersOf returns the names of the placeholders in a text.
func placeholdersOf(text string) (names []string) {
	for {
		before, rest, found := strings.Cut(text, "{")
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			return names
		}
		if strings.HasSuffix(before, `\`) {
			text = rest
			continue
		}
		names, text = append(names, name), after
	}
}

// insteadOf returns what to write instead of a placeholder that has no value. Caddyfiles have
// shorthands, which Caddy knows in that form alone: neither in JSON nor with anything appended.
func insteadOf(name string) string {
	if short, bits, ok := strings.Cut(name, "/"); ok && peerAddresses[short] {
		return "{http.request.remote.host/" + bits + "}"
	}
	if long, ok := shorthands[name]; ok {
		return "{" + long + "}"
	}
	if kind, rest, ok := strings.Cut(name, "."); ok && shorthandsWithName[kind] != "" {
		return "{" + shorthandsWithName[kind] + "." + rest + "}"
	}
	return "a placeholder with a value, such as {http.vars.client_ip} or {http.request.uri.path}"
}

// peerAddresses are the names of the address of a connection's other end, of which only
// `{http.request.remote.host/<bits>}` has a form for networks.
var peerAddresses = map[string]bool{"remote_host": true, "remote": true, "http.request.remote": true}

var shorthands = map[string]string{
	"client_ip":   "http.vars.client_ip",
	"remote_host": "http.request.remote.host",
	"remote":      "http.request.remote",
	"host":        "http.request.host",
	"hostport":    "http.request.hostport",
	"method":      "http.request.method",
	"uri":         "http.request.uri",
	"path":        "http.request.uri.path",
	"dir":         "http.request.uri.path.dir",
	"file":        "http.request.uri.path.file",
	"query":       "http.request.uri.query",
}

var shorthandsWithName = map[string]string{
	"header": "http.request.header",
	"cookie": "http.request.cookie",
	"query":  "http.request.uri.query",
	"path":   "http.request.uri.path",
	"labels": "http.request.host.labels",
	"vars":   "http.vars",
	"re":     "http.regexp",
}
