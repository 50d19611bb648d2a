package listing

import (
	"bytes"
	"errors"
	"fmt"
)

// fieldError is what is wrong with one field.
type fieldError struct {
	field string
	err   error
}

func (e *fieldError) Error() string { return e.field + ": " + e.err.Error() }
func (e *fieldError) Unwrap() error { return e.err }

// lineError says on which line something is; DecodeList puts it behind the name of the list.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return e.err.Error() }
func (e *lineError) Unwrap() error { return e.err }

func lineAt(data []byte, offset int) int { return 1 + bytes.Count(data[:offset], []byte("\n")) }

// errorf says what is wrong with the field that n is the value of.
func (n *node) errorf(format string, args ...any) error {
	return &lineError{n.line, &fieldError{n.name, fmt.Errorf(format, args...)}}
}

func (n *node) unknown(known string) error {
	return &lineError{n.line, fmt.Errorf("unknown field %s; the fields are %s", shown(n.name), known)}
}

// inEntry adds to err which entry of the list n is.
func (n *node) inEntry(entry int, err error) error {
	if err == nil {
		return nil
	}
	where := fmt.Sprintf("entry %d", entry)
	if address := n.address(); address != "" {
		where += " (" + printable(address) + ")"
	}
	return &lineError{n.lineOf(err), fmt.Errorf("%s: %w", where, err)}
}

// lineOf finds the line of an error of Normalize, which names a field but knows no lines.
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

// address is how people find an entry, whatever else is wrong with it.
func (n *node) address() string {
	if n.kind == kindText {
		return n.text
	}
	if field := n.child("address"); field != nil && field.kind == kindText {
		return field.text
	}
	return ""
}

// shown quotes what a source said, and keeps a runaway value from filling the log.
func shown(s string) string {
	const longest = 100 // an address or an ID is shorter
	if len(s) > longest {
		return fmt.Sprintf("%.*q... (%d bytes)", longest, s, len(s))
	}
	return fmt.Sprintf("%q", s)
}

// printable is shown without the quotes, where it can do without.
func printable(s string) string {
	if quoted := shown(s); quoted != `"`+s+`"` {
		return quoted
	}
	return s
}
