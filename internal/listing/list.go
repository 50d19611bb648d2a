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

// DecodeList reads a list of endpoints in JSON or YAML and normalizes each of them. An entry is an
// object with an endpoint's fields, a bare address, or a Prometheus group of targets.
//
// The list is JSON if it starts with a bracket, unless name ends in .yaml or .yml. Otherwise name
// only appears in errors, which say name:line, the entry, the field and what was expected. Empty
// input is an error, because it is what a reader sees while a writer has only truncated its file;
// an empty list is written as [].
func DecodeList(name string, data []byte) ([]Info, error) {
	list, _, err := DecodeFile(name, data)
	return list, err
}

// DecodeFile reads a list like DecodeList, and returns an error for each target that is left out
// because it is in two Prometheus groups, or twice in one. Prometheus accepts those.
func DecodeFile(name string, data []byte) (infos []Info, repeated []error, err error) {
	b, err := decodeEntries(name, data)
	if err == nil && len(b.mistakes) > 0 {
		err = b.mistakes[0]
	}
	if err != nil {
		return nil, nil, inList(name, err)
	}
	for _, err := range b.repeated {
		repeated = append(repeated, inList(name, err))
	}
	return b.infos, repeated, nil
}

// inList adds to err the name of the list and the line of the mistake.
func inList(name string, err error) error {
	if at := new(lineError); errors.As(err, &at) && at.line > 0 {
		return fmt.Errorf("%s:%d: %w", name, at.line, err)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// DecodeEntries reads a list like DecodeList, but leaves out invalid entries and returns a mistake
// for each of them. It is for lists that programs write, where one bad entry should not hold up the
// others. err is about the list as a whole.
func DecodeEntries(name string, data []byte) (infos []Info, mistakes []error, err error) {
	b, err := decodeEntries(name, data)
	return b.infos, append(b.mistakes, b.repeated...), err
}

func decodeEntries(name string, data []byte) (b listBuilder, err error) {
	root, err := parseList(name, data)
	if err != nil {
		return b, err
	}
	b = listBuilder{infos: make([]Info, 0, len(root.children)), origins: make(map[string]origin, len(root.children))}
	for i := range root.children {
		b.add(i+1, &root.children[i])
	}
	if !b.hasGroups {
		b.mistakes = append(b.mistakes, b.empty...)
	}
	return b, nil
}

func parseList(name string, data []byte) (node, error) {
	if len(data) > MaxListSize {
		return node{}, fmt.Errorf("has %d bytes; a list may have %d", len(data), MaxListSize)
	}
	if at := invalidUTF8(data); at >= 0 {
		return node{}, &lineError{lineAt(data, at), errors.New("is not UTF-8")}
	}
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	root, err := parse(name, data)
	switch {
	case err != nil:
		return node{}, err
	case root.kind == kindNull && root.text == "":
		return node{}, errors.New("is empty; an empty list is written as []")
	case root.kind != kindList:
		return node{}, &lineError{root.line, fmt.Errorf("is %s; expected a list of endpoints", root.kind)}
	}
	return root, nil
}

func parse(name string, data []byte) (node, error) {
	switch start := bytes.TrimLeft(data, " \t\r\n"); {
	case len(start) == 0:
		return node{}, nil
	case path.Ext(name) == ".yaml", path.Ext(name) == ".yml", start[0] != '[' && start[0] != '{':
		return parseYAML(data)
	}
	return parseJSON(data)
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

// listBuilder collects endpoints and mistakes, with the place of each address for errors about
// duplicates.
type listBuilder struct {
	hasGroups bool // some entry is a group of targets
	infos     []Info
	mistakes  []error
	empty     []error // objects without fields, which are mistakes unless some entry is a group
	repeated  []error // targets that another group has too
	origins   map[string]origin
	labelSize int // of the metadata of all targets, in bytes
}

// origin is the place of an address in its list.
type origin struct {
	entry, line int
	isTarget    bool // it is a target of a group
}

// repeatedError says that a target is in two groups, or twice in one.
type repeatedError struct{ error }

// add adds an entry. Among groups of targets an object without fields is an empty group, as it is
// for Prometheus.
func (b *listBuilder) add(entry int, n *node) {
	switch {
	case n.isGroup():
		b.hasGroups = true
		b.addGroup(entry, n)
	case n.kind == kindObject && len(n.children) == 0:
		var none Info
		b.empty = append(b.empty, n.inEntry(entry, none.Normalize()))
	default:
		info, err := n.info()
		if err == nil {
			err = b.addInfo(origin{entry, n.line, false}, info)
		}
		b.drop(n.inEntry(entry, err))
	}
}

// drop records why something was left out, if err is not nil.
func (b *listBuilder) drop(err error) {
	var repeated repeatedError
	switch {
	case errors.As(err, &repeated):
		b.repeated = append(b.repeated, err)
	case err != nil:
		b.mistakes = append(b.mistakes, err)
	}
}

func (b *listBuilder) addInfo(at origin, info Info) error {
	if err := info.Normalize(); err != nil {
		return err
	}
	if first, ok := b.origins[info.Address]; ok {
		err := &fieldError{"address", fmt.Errorf("is already in entry %d on line %d", first.entry, first.line)}
		if first.isTarget && at.isTarget {
			return repeatedError{err}
		}
		return err
	}
	b.origins[info.Address] = at
	b.infos = append(b.infos, info)
	return nil
}
