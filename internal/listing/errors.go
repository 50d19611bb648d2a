package listing

import (
	"bytes"
	"errors"
	"fmt"
)

// fieldError says what is wrong with one field.
type fieldError struct {
	field string
	err   error
}

func (e *fieldError) Error() string { return e.field + ": " + e.err.Error() }
func (e *fieldError) Unwrap() error { return e.err }

// lineError says on which line a mistake is. DecodeList prints the line after the name of the list.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return e.err.Error() }
func (e *lineError) Unwrap() error { return e.err }

func lineAt(data []byte, offset int) int { return 1 + bytes.Count(data[:offset], []byte("\n")) }

// errorf returns an error about the field whose value n is.
func (n *node) errorf(format string, args ...any) error {
	return &lineError{n.line, &fieldError{n.name, fmt.Errorf(format, args...)}}
}

// unknownField returns an error about the field whose value n is. The field is not a known one.
func (n *node) unknownField(known string) error {
	return &lineError{n.line, fmt.Errorf("unknown field %s; the fields are %s", quoted(n.name), known)}
}

// inEntry adds to err the number and the address of the entry n.
func (n *node) inEntry(entry int, err error) error {
	if err == nil {
		return nil
	}
	where := fmt.Sprintf("entry %d", entry)
	if address := n.address(); address != "" {
		where += " (" + plain(address) + ")"
	}
	return &lineError{n.lineOf(err), fmt.Errorf("%s: %w", where, err)}
}

// lineOf returns the line of an error. An error of Normalize names a field but has no line.
func (n *node) lineOf(err error) int {
	var at *lineError
	if errors.As(err, &at) {
		return at.line
	}
	var f *fieldError
	if errors.As(err, &f) {
		if field := n.child(f.field); field != nil {
			return field.line
		}
	}
	return n.line
}

// address returns the address of an entry as it was written, if it has one. It is how the author of
// a list finds the entry.
func (n *node) address() string {
	if n.kind == kindText {
		return n.text
	}
	if field := n.child("address"); field != nil && field.kind == kindText {
		return field.text
	}
	return ""
}

// quoted quotes a value of a source, and cuts a long one so that it cannot fill the log.
func quoted(s string) string {
	const maxLength = 100 // addresses and IDs are shorter
	if len(s) > maxLength {
		return fmt.Sprintf("%.*q... (%d bytes)", maxLength, s, len(s))
	}
	return fmt.Sprintf("%q", s)
}

// plain returns a value like quoted, but without the quotes where it needs none.
func plain(s string) string {
	if q := quoted(s); q != `"`+s+`"` {
		return q
	}
	return s
}
