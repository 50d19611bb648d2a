package listing

import (
	"encoding/json"
	"errors"
)

// parseJSON lets encoding/json validate the text, and then walks it without that package:
// Decoder.Token takes several times as long, and has no lines.
func parseJSON(data []byte) (node, error) {
	var whole json.RawMessage
	err := json.Unmarshal(data, &whole)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return node{}, &lineError{lineAt(data, max(0, int(syntax.Offset)-1)), err}
	case err != nil:
		return node{}, err
	}
	r := jsonReader{data: data, line: 1}
	return r.value(), nil
}

// jsonReader walks text that is known to be valid, and therefore has no errors to report.
type jsonReader struct {
	data []byte
	at   int
	line int
}

func (r *jsonReader) value() node {
	r.skipSpace()
	n := node{line: r.line}
	switch r.data[r.at] {
	case '{':
		n.kind, n.children = kindObject, r.children('}')
	case '[':
		n.kind, n.children = kindList, r.children(']')
	case '"':
		n.kind, n.text = kindText, r.string()
	default:
		n.kind, n.text = r.literal()
	}
	return n
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

func (r *jsonReader) children(end byte) []node {
	var all []node
	r.at++
	for r.skipSpace(); r.data[r.at] != end; r.skipSpace() {
		if r.data[r.at] == ',' {
			r.at++
			continue
		}
		all = append(all, r.child(end == '}'))
	}
	r.at++
	return all
}

func (r *jsonReader) child(named bool) node {
	if !named {
		return r.value()
	}
	line, name := r.line, r.string()
	r.skipSpace()
	r.at++ // the colon
	n := r.value()
	n.name, n.line = name, line
	return n
}

func (r *jsonReader) string() string {
	start, escaped := r.at, false
	for r.at++; r.data[r.at] != '"'; r.at++ {
		if r.data[r.at] == '\\' {
			escaped = true
			r.at++
		}
	}
	r.at++
	if !escaped {
		return string(r.data[start+1 : r.at-1])
	}
	var s string
	_ = json.Unmarshal(r.data[start:r.at], &s) // a valid string literal has no error
	return s
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
