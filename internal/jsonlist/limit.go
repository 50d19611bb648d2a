package jsonlist

import (
	"errors"
	"fmt"
	"io"
)

// Reader passes a stream of JSON on, and fails when one of its values holds more objects or more
// values than it may. It is for libraries that decode a stream themselves: they take memory for
// each value, and hundreds of bytes for an empty object.
type Reader struct {
	io.ReadCloser
	MaxObjects, MaxValues int

	// Shared, if it is not nil, is what all values of this and other streams may hold together.
	Shared *Quota

	depth           int
	objects, values int // of the value at depth 0 that is being read
	inText, escaped bool
}

// Quota is what is left of a limit for several streams, such as the pages of one list.
type Quota struct{ Bytes, Objects, Values int }

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	for _, c := range p[:n] {
		r.count(c)
	}
	if r.Shared != nil {
		r.Shared.Bytes -= n
		if min(r.Shared.Bytes, r.Shared.Objects, r.Shared.Values) < 0 {
			return 0, errors.New("the pages of the answer are too large together; " +
				"max_endpoints of the pool allows more")
		}
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
		if r.Shared != nil {
			r.Shared.Objects--
		}
		r.open()
	case c == '[':
		r.open()
	case c == ',', c == ':':
		r.addValue()
	case c == '}', c == ']':
		if r.depth--; r.depth <= 0 {
			r.depth, r.objects, r.values = 0, 0, 0
		}
	}
}

func (r *Reader) open() {
	r.depth++
	r.addValue()
}

func (r *Reader) addValue() {
	r.values++
	if r.Shared != nil {
		r.Shared.Values--
	}
}
