package listing

import (
	"encoding/json"
	"errors"
	"math"
)

// parseJSON lets encoding/json validate the text, and then walks it without that package:
// Decoder.Token takes several times as long, and has no lines.
func parseJSON(data []byte) (node, error) {
	if err := validateJSON(data); err != nil {
		return node{}, err
	}
	r := jsonReader{data: data, line: 1, left: math.MaxInt}
	return r.value("", 1), nil
}

// eachOfJSON visits the entries of a list one after the other, so that only one is in memory as a
// node.
func eachOfJSON(data []byte, limit int, visit func(*node) error) error {
	if err := validateJSON(data); err != nil {
		return err
	}
	r := jsonReader{data: data, line: 1, left: maxValues(limit)}
	if r.skipSpace(); data[r.at] != '[' {
		n := node{line: r.line, kind: kindObject}
		return n.notAList()
	}
	r.at++
	for r.skipSpace(); data[r.at] != ']'; r.skipSpace() {
		if data[r.at] == ',' {
			r.at++
			continue
		}
		line := r.line
		r.left = maxValues(limit)
		n := r.value("", 1)
		if r.left < 0 {
			return &lineError{line, tooManyValues(limit)}
		}
		if err := visit(&n); err != nil {
			return err
		}
	}
	return nil
}

// validateJSON returns the error of a text that is not JSON.
func validateJSON(data []byte) error {
	err := json.Unmarshal(data, new(ignored))
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return &lineError{lineAt(data, max(0, int(syntax.Offset)-1)), err}
	}
	return err
}

// ignored is any value. Unlike json.RawMessage it keeps no copy.
type ignored struct{}

// UnmarshalJSON implements json.Unmarshaler.
func (*ignored) UnmarshalJSON([]byte) error { return nil }

// jsonReader walks text that is known to be valid, and therefore has no errors to report.
type jsonReader struct {
	data []byte
	at   int
	line int
	left int // how many more values it may read; a negative number ends the walk
}

// value reads a value: an entry, which is at depth 1, one of its fields, or what is in the field.
// What cannot be part of an entry, such as a list in a list, has no children.
func (r *jsonReader) value(name string, depth int) node {
	r.skipSpace()
	n := node{line: r.line}
	r.left--
	switch r.data[r.at] {
	case '{':
		n.kind = kindObject
		if depth > 2 {
			r.skip()
		} else {
			n.children = r.children('}', depth+1)
		}
	case '[':
		n.kind = kindList
		if depth != 2 || name != "targets" {
			r.skip()
		} else {
			n.children = r.children(']', depth+1)
		}
	case '"':
		n.kind, n.text = kindText, r.string()
	default:
		n.kind, n.text = r.literal()
	}
	return n
}

// skip moves on past a list or an object.
func (r *jsonReader) skip() {
	for open := 0; ; r.at++ {
		switch r.data[r.at] {
		case '"':
			r.skipString()
			r.at--
		case '\n':
			r.line++
		case '[', '{':
			open++
		case ']', '}':
			if open--; open == 0 {
				r.at++
				return
			}
		}
	}
}

func (r *jsonReader) skipSpace() {
	for ; r.at < len(r.data); r.at++ {
		switch r.data[r.at] {
		case '\n':
			r.line++
		case ' ', '\t', '\r':
		default:
			return
		}
	}
}

func (r *jsonReader) children(end byte, depth int) []node {
	var all []node
	r.at++
	for r.skipSpace(); r.data[r.at] != end; r.skipSpace() {
		if r.data[r.at] == ',' {
			r.at++
			continue
		}
		all = append(all, r.child(end == '}', depth))
		if r.left < 0 {
			return nil
		}
	}
	r.at++
	return all
}

func (r *jsonReader) child(named bool, depth int) node {
	if !named {
		return r.value("", depth)
	}
	line, name := r.line, r.string()
	r.skipSpace()
	r.at++ // the colon
	n := r.value(name, depth)
	n.name, n.line = name, line
	return n
}

func (r *jsonReader) string() string {
	start := r.at
	if escaped := r.skipString(); !escaped {
		return string(r.data[start+1 : r.at-1])
	}
	var s string
	_ = json.Unmarshal(r.data[start:r.at], &s) // a valid string literal has no error
	return s
}

func (r *jsonReader) skipString() (escaped bool) {
	for r.at++; r.data[r.at] != '"'; r.at++ {
		if r.data[r.at] == '\\' {
			escaped = true
			r.at++
		}
	}
	r.at++
	return escaped
}

func (r *jsonReader) literal() (kind, string) {
	start := r.at
	for r.at < len(r.data) && !endsLiteral(r.data[r.at]) {
		r.at++
	}
	switch word := string(r.data[start:r.at]); word[0] {
	case 'n':
		return kindNull, word
	case 't', 'f':
		return kindBool, word
	default:
		return kindNumber, word
	}
}

func endsLiteral(c byte) bool {
	switch c {
	case ',', ']', '}', ' ', '\t', '\r', '\n':
		return true
	}
	return false
}
