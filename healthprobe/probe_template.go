package healthprobe

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// text is a setting with placeholders. What is the same for all endpoints is replaced when the probe
// is provisioned, so that only what differs costs something with each probe.
type text struct {
	literal string // if there are no parts
	parts   []part
}

// part is either literal or a value that an endpoint has.
type part struct {
	literal string
	value   func(*listing.Info) string
}

// placeholder needs a dot in the name. Every placeholder that makes sense here has one, and
// the braces of a JSON body are left alone.
var placeholder = regexp.MustCompile(`\{[A-Za-z_][A-Za-z0-9_]*\.[^{}\s]*\}`)

// compile resolves {env.*}, {file.*} and other global placeholders. Their values are secrets as often as
// not, so errors name the field and the placeholder and never a value.
func compile(field, given string) (text, error) {
	var t text
	var literal strings.Builder
	end := 0
	for _, at := range placeholder.FindAllStringIndex(given, -1) {
		literal.WriteString(given[end:at[0]])
		found := given[at[0]:at[1]]
		end = at[1]
		if name, ofEndpoint := strings.CutPrefix(found[1:len(found)-1], "endpoint."); ofEndpoint {
			value, err := endpointValue(name)
			if err != nil {
				return text{}, fmt.Errorf("%s: %s: %w", field, found, err)
			}
			t.parts = append(t.parts, part{literal: literal.String()}, part{value: value})
			literal.Reset()
			continue
		}
		global, err := caddy.NewReplacer().ReplaceOrErr(found, true, true)
		if err != nil {
			return text{}, fmt.Errorf("%s: %w", field, err)
		}
		literal.WriteString(global)
	}
	literal.WriteString(given[end:])
	t.end(literal.String())
	return t, nil
}

func (t *text) end(literal string) {
	switch {
	case t.parts == nil:
		t.literal = literal
	case literal != "":
		t.parts = append(t.parts, part{literal: literal})
	}
}

// varies reports whether the text differs between endpoints.
func (t text) varies() bool { return t.parts != nil }

// of is the text for one endpoint. What the endpoint does not have is empty, as anywhere in Caddy.
func (t text) of(e *listing.Info) string {
	if !t.varies() {
		return t.literal
	}
	var b strings.Builder
	for _, p := range t.parts {
		if p.value != nil {
			b.WriteString(p.value(e))
		} else {
			b.WriteString(p.literal)
		}
	}
	return b.String()
}

func endpointValue(name string) (func(*listing.Info) string, error) {
	if key, ok := strings.CutPrefix(name, "metadata."); ok && key != "" {
		return func(e *listing.Info) string { return e.Metadata[key] }, nil
	}
	switch name {
	case "address":
		return func(e *listing.Info) string { return e.Address }, nil
	case "host":
		return func(e *listing.Info) string { host, _ := hostPort(e.Address); return host }, nil
	case "port":
		return func(e *listing.Info) string { _, port := hostPort(e.Address); return port }, nil
	case "id":
		return func(e *listing.Info) string { return e.ID }, nil
	case "zone":
		return func(e *listing.Info) string { return e.Zone }, nil
	}
	return nil, fmt.Errorf("is not known; expected endpoint.address, endpoint.host, endpoint.port, endpoint.id, endpoint.zone or endpoint.metadata.<key>")
}

// hostPort is localhost without a port for a unix socket, as in the requests that are sent there.
func hostPort(address string) (host, port string) {
	a, err := parseAddress(address)
	if err != nil {
		return "", ""
	}
	return a.host, a.port
}
