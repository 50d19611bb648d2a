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
	b := newListBuilder(limit, len(data))
	b.strict = true
	if err := b.read(name, data); err != nil {
		return nil, named(name, err)
	}
	return b.infos, nil
}

func named(name string, err error) error {
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
	return Entries{b.infos, b.mistakes, b.invalid}, nil
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
	switch start := bytes.TrimLeft(data, " \t\r\n"); {
	case len(start) == 0:
		return errEmpty
	case path.Ext(name) == ".yaml", path.Ext(name) == ".yml", start[0] != '[' && start[0] != '{':
		return eachOfYAML(data, b.limit, b.visit)
	}
	return eachOfJSON(data, b.limit, b.visit)
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

// listBuilder collects endpoints, with the place of each address for errors about duplicates.
type listBuilder struct {
	infos   []Info
	origins map[string]origin

	strict   bool    // the first mistake ends the list
	mistakes []error // the first MaxMistakes
	invalid  int     // the number of all

	entry    int // the number of the last one
	limit    int
	targets  int // beyond the first one of each group
	repeated int // the bytes of labels beyond the first target of each group
	maxBytes int // the maximum of repeated
}

// newListBuilder returns a builder for a text of some size.
func newListBuilder(limit, size int) *listBuilder {
	return &listBuilder{
		infos: []Info{}, origins: make(map[string]origin), limit: limit, maxBytes: max(size, minRepeated),
	}
}

// origin is the place of an entry in its list.
type origin struct{ entry, line int }

// visit adds the next entry. An error ends the list.
func (b *listBuilder) visit(n *node) error {
	b.entry++
	if err := b.checkSize(n); err != nil {
		return err
	}
	err := b.add(b.entry, n)
	switch {
	case err == nil:
		return nil
	case b.strict:
		return err
	case len(b.mistakes) < MaxMistakes:
		b.mistakes = append(b.mistakes, err)
	}
	b.invalid++
	return nil
}

func (b *listBuilder) add(entry int, n *node) error {
	if n.isGroup() {
		return b.addTargets(entry, n)
	}
	info, err := n.info()
	if err == nil {
		err = b.addInfo(entry, n.line, info)
	}
	return n.inEntry(entry, err)
}

// isGroup reports whether an entry is a group of targets.
func (n *node) isGroup() bool {
	return n.kind == kindObject && (n.child("targets") != nil || n.child("labels") != nil)
}

func (b *listBuilder) addInfo(entry, line int, info Info) error {
	if err := info.Normalize(); err != nil {
		return err
	}
	if first, ok := b.origins[info.Address]; ok {
		return &fieldError{"address", fmt.Errorf("is already in entry %d on line %d", first.entry, first.line)}
	}
	b.origins[info.Address] = origin{entry, line}
	b.infos = append(b.infos, info)
	return nil
}
