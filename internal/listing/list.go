package listing

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"unicode/utf8"
)

// MaxListSize is the maximum size of a list in bytes. A list of that size holds over 100,000
// endpoints with every field set. Reading YAML allocates 40 times its text, so a larger limit would
// protect little.
const MaxListSize = 16 << 20

// MaxMistakes is the maximum number of mistakes that are kept of a list.
const MaxMistakes = 100

// DecodeList reads a list of endpoints in JSON or YAML and normalizes each of them. An entry is an
// object with an endpoint's fields, a bare address, or a Prometheus group of targets.
//
// The list is JSON if it starts with a bracket, unless name ends in .yaml or .yml. Otherwise name
// only appears in errors, which say name:line, the entry, the field and what was expected. Empty
// input is an error, because it is what a reader sees while a writer has only truncated its file;
// an empty list is written as [].
//
// A list with more than limit entries is an error. A group has as many as it has targets.
func DecodeList(name string, data []byte, limit int) ([]Info, error) {
	list, _, err := DecodeFile(name, data, limit)
	return list, err
}

// DecodeFile reads a list like DecodeList, and returns an error for each target that is left out
// because it is in two Prometheus groups, or twice in one. Prometheus accepts those. It returns
// MaxMistakes of them at most.
func DecodeFile(name string, data []byte, limit int) (infos []Info, repeated []error, err error) {
	b := newListBuilder(limit, len(data))
	b.strict = true
	if err := b.read(name, data); err != nil {
		return nil, nil, inList(name, err)
	}
	for _, err := range b.repeated.first {
		repeated = append(repeated, inList(name, err))
	}
	return b.infos, repeated, nil
}

// inList adds to err the name of the list and the line of the mistake.
func inList(name string, err error) error {
	var at *lineError
	if errors.As(err, &at) && at.line > 0 {
		return fmt.Errorf("%s:%d: %w", name, at.line, err)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// Entries is what a list holds.
type Entries struct {
	Infos    []Info
	Mistakes []error // the first MaxMistakes
	Invalid  int     // the number of all mistakes
}

// DecodeEntries reads a list like DecodeList, but leaves out invalid entries and returns a mistake
// for each of them. It is for lists that programs write, where one bad entry should not hold up the
// others. err is about the list as a whole.
func DecodeEntries(name string, data []byte, limit int) (Entries, error) {
	b := newListBuilder(limit, len(data))
	if err := b.read(name, data); err != nil {
		return Entries{}, err
	}
	b.mistakes.addAll(&b.repeated)
	return Entries{b.infos, b.mistakes.first, b.mistakes.all}, nil
}

// read adds the entries of a list one after the other, so that the list in a form that is large in
// memory never exists as a whole.
func (b *listBuilder) read(name string, data []byte) error {
	if len(data) > MaxListSize {
		return fmt.Errorf("has %d bytes; a list may have %d", len(data), MaxListSize)
	}
	if at := invalidUTF8(data); at >= 0 {
		return &lineError{lineAt(data, at), errors.New("is not UTF-8")}
	}
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	each := eachOfJSON
	switch start := bytes.TrimLeft(data, " \t\r\n"); {
	case len(start) == 0:
		return errEmpty
	case path.Ext(name) == ".yaml", path.Ext(name) == ".yml", start[0] != '[' && start[0] != '{':
		each = eachOfYAML
	}
	if err := each(data, b.limit, b.visit); err != nil {
		return err
	}
	if !b.hasGroups {
		b.mistakes.addAll(&b.empty)
	}
	return b.mistake()
}

var errEmpty = errors.New("is empty; an empty list is written as []")

// notAList returns the error about a value in place of a list.
func (n *node) notAList() error {
	if n.kind == kindNull && n.text == "" {
		return errEmpty
	}
	return &lineError{n.line, fmt.Errorf("is %s; expected a list of endpoints", n.kind)}
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	at := 0
	for {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
}
