package listing

import (
	"fmt"

	"github.com/caddy-balance/caddy-balance/internal/count"
)

const (
	// minRepeated is how many bytes of labels a small list may repeat for the targets of its
	// groups. It is 400 bytes for each of 20,000 targets.
	minRepeated = 8 << 20

	// pairOverhead is the smallest number of bytes by which the text of a label is longer than its
	// name and value.
	pairOverhead = 4

	// spareValues is the number of values that an entry may have besides its targets: labels and
	// metadata, each with its name.
	spareValues = 8 << 10
)

// maxValues returns the maximum number of values in one entry of a list, which are in memory at the
// same time.
func maxValues(limit int) int { return min(limit, MaxListSize) + spareValues }

// checkSize returns an error if an entry takes the list beyond its limits. Every target of a group
// counts as an entry, and takes the labels of its group along.
func (b *listBuilder) checkSize(n *node) error {
	if n.isGroup() {
		more := max(0, n.childCount("targets")-1)
		b.targets += more
		b.labels += more * n.labelBytes()
	}
	switch {
	case b.entry+b.targets > b.limit:
		return &lineError{n.line, tooMany(b.limit)}
	case b.labels > b.maxBytes:
		return &lineError{n.line, fmt.Errorf("labels: have more than %d bytes, which count for each target of a group",
			b.maxBytes)}
	}
	return nil
}

func tooMany(limit int) error {
	return fmt.Errorf("has more than %s; max_endpoints of the pool allows more", count.Of(limit, "entry"))
}

func tooManyValues(limit int) error {
	return fmt.Errorf("has more than %d values in one entry", maxValues(limit))
}

// childCount returns the number of values in a field that is a list.
func (n *node) childCount(name string) int {
	if field := n.child(name); field != nil {
		return len(field.children)
	}
	return 0
}

func (n *node) labelBytes() (size int) {
	labels := n.child("labels")
	if labels == nil {
		return 0
	}
	for i := range labels.children {
		size += len(labels.children[i].name) + len(labels.children[i].text) + pairOverhead
	}
	return size
}
