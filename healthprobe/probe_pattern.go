package healthprobe

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// pattern is a regular expression with placeholders. Their values are taken literally.
type pattern struct {
	field string
	text  template
	fixed *regexp.Regexp // nil if it differs between endpoints
}

// compilePattern compiles a setting. It returns nil for an empty one.
func compilePattern(field, given string) (*pattern, error) {
	if given == "" {
		return nil, nil
	}
	text, err := compileWith(resolveInPattern, regexp.QuoteMeta, field, given)
	if err != nil {
		return nil, err
	}
	p := &pattern{field: field, text: text}
	example, err := p.compile(text.expandAs("x"))
	if !text.varies() {
		p.fixed = example
	}
	return p, err
}

// resolveInPattern leaves what is no placeholder as it is, because braces have a meaning in regular
// expressions.
func resolveInPattern(found string) (string, error) {
	name := strings.Trim(found, "{}")
	if _, known := caddy.NewReplacer().Get(name); !known || strings.Contains(name, `\`) {
		return found, nil
	}
	value, err := resolveGlobal(found)
	return regexp.QuoteMeta(value), err
}

// of returns the expression for one endpoint.
func (p *pattern) of(e *Endpoint) (*regexp.Regexp, error) {
	if p.fixed != nil {
		return p.fixed, nil
	}
	return p.compile(p.text.expand(e))
}

func (p *pattern) compile(text string) (*regexp.Regexp, error) {
	compiled, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.field, err)
	}
	return compiled, nil
}
