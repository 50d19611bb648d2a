package listing

import (
	"bytes"
	"errors"
	"fmt"
)

// YAML takes over a thousand bytes of memory for each value while it is read, and its reader cannot
// stop early. Two limits keep that bounded: a list whose text is short enough is read at once, and
// a longer one in parts.
const (
	// wholeValues is the maximum number of values of a text that is read at once.
	wholeValues = 20_000

	// partSize is the size in bytes from which a part ends at the next entry.
	partSize = 64 << 10
)

// eachOfYAML visits the entries of a list one after the other.
func eachOfYAML(data []byte, limit int, visit func(*node) error) error {
	if countValues(data) <= wholeValues || !isPlainSequence(data) {
		return visitPart(data, 0, limit, visit)
	}
	for line := 0; len(data) > 0; {
		part := firstPart(data)
		if err := visitPart(part, line, limit, visit); err != nil {
			return err
		}
		line += bytes.Count(part, []byte("\n"))
		data = data[len(part):]
	}
	return nil
}

// visitPart visits the entries of a part of a list, which begins after a number of lines.
func visitPart(part []byte, after, limit int, visit func(*node) error) error {
	if n := countValues(part); n > maxValues(limit)*valuesOfEntry {
		err := fmt.Errorf("may have %d values in one entry, in brackets, or beside an anchor; "+
			"expected fewer, or a sequence with a dash for each entry, or JSON", n)
		return &lineError{after + 1, err}
	}
	root, err := parseYAML(part)
	if err == nil && root.kind != kindList {
		err = root.notAList()
	}
	if err == nil {
		root.moveLines(after)
		for i := range root.children {
			if err := visit(&root.children[i]); err != nil {
				return err
			}
		}
		return nil
	}
	return movedLine(err, after)
}

// valuesOfEntry is how many signs that may begin a value there are for each value: a target in a
// block has a dash, a line break and the colon before its port.
const valuesOfEntry = 3

// countValues returns at least the number of values in a text, and for most texts two or three
// times the number.
func countValues(data []byte) (n int) {
	n = 1 + bytes.Count(data, []byte("- "))
	for _, c := range data {
		switch c {
		case '\n', ',', ':', '[', '{', '?':
			n++
		}
	}
	return n
}

// isPlainSequence reports whether a text is a sequence whose entries begin with a dash at the start
// of a line, and whether each of them can be read alone.
func isPlainSequence(data []byte) bool {
	begun := false
	for line := range bytes.Lines(data) {
		switch {
		case beginsEntry(line):
			begun = true
		case line[0] == ' ', line[0] == '#', line[0] == '\n', line[0] == '\r':
		case !begun && bytes.HasPrefix(line, []byte("---")):
		default:
			return false
		}
	}
	return begun && !mayHaveAnchors(data)
}

// mayHaveAnchors reports whether a text has signs that may be anchors or aliases, which would tie
// entries together. Such a sign begins a value.
func mayHaveAnchors(data []byte) bool {
	for at, c := range data {
		if (c == '&' || c == '*') && at > 0 && bytes.IndexByte([]byte(" \t\n[{,:"), data[at-1]) >= 0 {
			return true
		}
	}
	return false
}

func beginsEntry(line []byte) bool {
	return line[0] == '-' && (len(line) == 1 || line[1] == ' ' || line[1] == '\n' || line[1] == '\r')
}

// firstPart returns the entries up to the first one that begins beyond partSize.
func firstPart(data []byte) []byte {
	at := 0
	for line := range bytes.Lines(data) {
		if at >= partSize && beginsEntry(line) {
			return data[:at]
		}
		at += len(line)
	}
	return data
}

// moveLines adds to the lines of a value and of those inside of it.
func (n *node) moveLines(by int) {
	if by == 0 {
		return
	}
	n.line += by
	for i := range n.children {
		n.children[i].moveLines(by)
	}
}

// movedLine adds to the line of an error.
func movedLine(err error, by int) error {
	var at *lineError
	if by > 0 && errors.As(err, &at) {
		return &lineError{at.line + by, at.err}
	}
	return err
}
