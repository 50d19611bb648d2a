package healthprobe

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// template is a setting with placeholders. Global placeholders are replaced once, when the probe is
// provisioned, so that each check replaces only those of the endpoint.
type template struct {
	literal string // the whole text, if there are no parts
	parts   []templatePart
}

// templatePart is either literal text or a value of the endpoint.
type templatePart struct {
	literal string
	value   func(*Endpoint) string
}

// placeholder requires a dot in the name. All placeholders that make sense in a probe have one, and
// the braces of a JSON body stay as they are.
var placeholder = regexp.MustCompile(`\{[A-Za-z_][A-Za-z0-9_]*\.[^{}\s]*\}`)

// compileTemplate resolves {env.*}, {file.*} and other global placeholders of a setting. Its errors
// name the field and the placeholder but never a value, because values are often secrets.
func compileTemplate(field, given string) (template, error) {
	return compileWith(resolveGlobal, func(value string) string { return value }, field, given)
}

func resolveGlobal(found string) (string, error) {
	return caddy.NewReplacer().ReplaceOrErr(found, true, true)
}

// compileWith compiles a template. resolve returns the text for a placeholder that is not of an
// endpoint, and quote writes the value of one that is.
func compileWith(
	resolve func(found string) (string, error), quote func(string) string, field, given string,
) (template, error) {
	var t template
	var literal strings.Builder
	end := 0
	for _, at := range placeholder.FindAllStringIndex(given, -1) {
		literal.WriteString(given[end:at[0]])
		found := given[at[0]:at[1]]
		end = at[1]
		if name, ofEndpoint := strings.CutPrefix(found[1:len(found)-1], "endpoint."); ofEndpoint {
			value, err := endpointValue(name)
			if err != nil {
				return template{}, fmt.Errorf("%s: %s: %w", field, found, err)
			}
			quoted := func(e *Endpoint) string { return quote(value(e)) }
			t.parts = append(t.parts, templatePart{literal: literal.String()}, templatePart{value: quoted})
			literal.Reset()
			continue
		}
		global, err := resolve(found)
		if err != nil {
			return template{}, fmt.Errorf("%s: %w", field, err)
		}
		literal.WriteString(global)
	}
	literal.WriteString(given[end:])
	t.appendLast(literal.String())
	return t, nil
}

// appendLast adds the text after the last placeholder of an endpoint.
func (t *template) appendLast(literal string) {
	switch {
	case t.parts == nil:
		t.literal = literal
	case literal != "":
		t.parts = append(t.parts, templatePart{literal: literal})
	}
}

// varies reports whether the text differs between endpoints.
func (t template) varies() bool { return t.parts != nil }

// expand returns the text for one endpoint. A value that the endpoint lacks is empty, as in all of
// Caddy.
func (t template) expand(e *Endpoint) string {
	return t.join(func(value func(*Endpoint) string) string { return value(e) })
}

// expandAs returns the text with an example in the place of each value.
func (t template) expandAs(example string) string {
	return t.join(func(func(*Endpoint) string) string { return example })
}

func (t template) join(read func(value func(*Endpoint) string) string) string {
	if !t.varies() {
		return t.literal
	}
	var b strings.Builder
	for _, p := range t.parts {
		if p.value != nil {
			b.WriteString(read(p.value))
		} else {
			b.WriteString(p.literal)
		}
	}
	return b.String()
}

// endpointValue returns how to read the value of a placeholder {endpoint.<name>}.
func endpointValue(name string) (func(*Endpoint) string, error) {
	if key, ok := strings.CutPrefix(name, "metadata."); ok && key != "" {
		return func(e *Endpoint) string { return e.Metadata[key] }, nil
	}
	switch name {
	case "address":
		return func(e *Endpoint) string { return e.Address }, nil
	case "host":
		return func(e *Endpoint) string { host, _ := hostPort(e.Address); return host }, nil
	case "port":
		return func(e *Endpoint) string { _, port := hostPort(e.Address); return port }, nil
	case "id":
		return func(e *Endpoint) string { return e.ID }, nil
	case "zone":
		return func(e *Endpoint) string { return e.Zone }, nil
	}
	return nil, fmt.Errorf("is not known; expected endpoint.address, endpoint.host, endpoint.port, " +
		"endpoint.id, endpoint.zone or endpoint.metadata.<key>")
}

// hostPort splits an address. A unix socket has the host localhost and no port, as in the requests
// that are sent there.
func hostPort(text string) (host, port string) {
	a, err := parseAddress(text)
	if err != nil {
		return "", ""
	}
	return a.host, a.port
}
