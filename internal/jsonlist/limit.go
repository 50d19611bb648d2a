package jsonlist

import (
	"fmt"
	"io"
)

// Reader passes a stream of JSON on, and fails when one of its values holds more objects or more
// values than it may. It is for libraries that decode a stream themselves: they take memory for
// each value, and hundreds of bytes for an empty object.
type Reader struct {
	io.ReadCloser
	MaxObjects, MaxValues int

	depth           int
	objects, values int // of the value at depth 0 that is being read
	inText, escaped bool
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	for _, c := range p[:n] {
		r.count(c)
	}
	switch {
	case r.objects > r.MaxObjects:
		return 0, fmt.Errorf("the answer has more than %d objects; max_endpoints of the pool allows more", r.MaxObjects)
	case r.values > r.MaxValues:
		return 0, fmt.Errorf("the answer has more than %d values; max_endpoints of the pool allows more", r.MaxValues)
	}
	return n, err
}

// count counts what a byte begins. A value begins after a comma, a colon or a bracket.
func (r *Reader) count(c byte) {
	switch {
	case r.escaped:
		r.escaped = false
	case r.inText:
		r.escaped, r.inText = c == '\\', c != '"'
	case c == '"':
		r.inText = true
	case c == '{':
		r.objects++
		r.open()
	case c == '[':
		r.open()
	case c == ',', c == ':':
		r.values++
	case c == '}', c == ']':
		if r.depth--; r.depth <= 0 {
			r.depth, r.objects, r.values = 0, 0, 0
		}
	}
}

func (r *Reader) open() {
	r.depth++
	r.values++
}
