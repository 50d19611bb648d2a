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
	list, err := decodeList(name, data)
	var at *lineError
	switch {
	case err == nil:
		return list, nil
	case errors.As(err, &at) && at.line > 0:
		return nil, fmt.Errorf("%s:%d: %w", name, at.line, err)
	}
	return nil, fmt.Errorf("%s: %w", name, err)
}

func decodeList(name string, data []byte) ([]Info, error) {
	list, mistakes, err := DecodeEntries(name, data)
	if err == nil && len(mistakes) > 0 {
		err = mistakes[0]
	}
	return list, err
}

// DecodeEntries reads a list like DecodeList, but leaves out invalid entries and returns a mistake
// for each of them. It is for lists that programs write, where one bad entry should not hold up the
// others. err is about the list as a whole.
func DecodeEntries(name string, data []byte) (infos []Info, mistakes []error, err error) {
	root, err := parseList(name, data)
	if err != nil {
		return nil, nil, err
	}
	b := listBuilder{infos: make([]Info, 0, len(root.children)), origins: make(map[string]origin, len(root.children))}
	for i := range root.children {
		if err := b.add(i+1, &root.children[i]); err != nil {
			mistakes = append(mistakes, err)
		}
	}
	return b.infos, mistakes, nil
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

// listBuilder collects endpoints, with the place of each address for errors about duplicates.
type listBuilder struct {
	infos   []Info
	origins map[string]origin
}

// origin is the place of an entry in its list.
type origin struct{ entry, line int }

func (b *listBuilder) add(entry int, n *node) error {
	if n.kind == kindObject && (n.child("targets") != nil || n.child("labels") != nil) {
		return b.addTargets(entry, n)
	}
	info, err := n.info()
	if err == nil {
		err = b.addInfo(entry, n.line, info)
	}
	return n.inEntry(entry, err)
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
