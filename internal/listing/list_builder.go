package listing

import (
	"errors"
	"fmt"
)

// listBuilder collects endpoints and mistakes, with the place of each address for errors about
// duplicates.
type listBuilder struct {
	infos     []Info
	origins   map[string]origin
	hasGroups bool // some entry is a group of targets

	strict   bool     // the first mistake ends the list
	mistakes mistakes // what is left out
	empty    mistakes // objects without fields, which are mistakes unless some entry is a group
	repeated mistakes // targets that another group has too

	entry    int // the number of the last one
	limit    int
	targets  int // beyond the first one of each group
	labels   int // the bytes of labels beyond the first target of each group
	maxBytes int // the maximum of labels
}

// newListBuilder returns a builder for a text of some size.
func newListBuilder(limit, size int) *listBuilder {
	return &listBuilder{
		infos: []Info{}, origins: make(map[string]origin), limit: limit, maxBytes: max(size, minRepeated),
	}
}

// mistakes are the first MaxMistakes mistakes, and the number of all.
type mistakes struct {
	first []error
	all   int
}

func (m *mistakes) add(err error) {
	if m.all++; len(m.first) < MaxMistakes {
		m.first = append(m.first, err)
	}
}

func (m *mistakes) addAll(more *mistakes) {
	m.all += more.all
	m.first = append(m.first, more.first[:min(len(more.first), MaxMistakes-len(m.first))]...)
}

// origin is the place of an address in its list.
type origin struct {
	entry, line int
	isTarget    bool // it is a target of a group
}

// repeatedError says that a target is in two groups, or twice in one.
type repeatedError struct{ error }

// visit adds the next entry. An error ends the list.
func (b *listBuilder) visit(n *node) error {
	b.entry++
	if err := b.checkSize(n); err != nil {
		return err
	}
	b.add(b.entry, n)
	return b.mistake()
}

// mistake returns the mistake that ends the list, if there is one.
func (b *listBuilder) mistake() error {
	if b.strict && b.mistakes.all > 0 {
		return b.mistakes.first[0]
	}
	return nil
}

// add adds an entry. Among groups of targets an object without fields is an empty group, as it is
// for Prometheus.
func (b *listBuilder) add(entry int, n *node) {
	switch {
	case n.isGroup():
		b.hasGroups = true
		b.addGroup(entry, n)
	case n.kind == kindObject && len(n.children) == 0:
		var none Info
		b.empty.add(n.inEntry(entry, none.Normalize()))
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
	case err == nil:
	case errors.As(err, &repeated):
		b.repeated.add(err)
	default:
		b.mistakes.add(err)
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
