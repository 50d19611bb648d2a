package pool

import (
	"cmp"
	"slices"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// Lists that a pool keeps are in the order of addresses, each of which is there once. Comparing and merging
// them then takes one walk, and tables built from them do not depend on who answered first.

// sorted brings a list into order. On a duplicate address the first entry wins.
func sorted(list []listing.Info) []listing.Info {
	for i := 1; i < len(list); i++ {
		if list[i-1].Address >= list[i].Address {
			list = slices.Clone(list) // a source may still read its own
			slices.SortStableFunc(list, func(a, b listing.Info) int { return cmp.Compare(a.Address, b.Address) })
			return slices.CompactFunc(list, func(a, b listing.Info) bool { return a.Address == b.Address })
		}
	}
	return list
}

// walk visits each address of two lists in order. first or second is nil where a list does not have it.
func walk(a, b []listing.Info, visit func(first, second *listing.Info)) {
	for len(a) > 0 && len(b) > 0 {
		switch c := cmp.Compare(a[0].Address, b[0].Address); {
		case c < 0:
			visit(&a[0], nil)
			a = a[1:]
		case c > 0:
			visit(nil, &b[0])
			b = b[1:]
		default:
			visit(&a[0], &b[0])
			a, b = a[1:], b[1:]
		}
	}
	for i := range a {
		visit(&a[i], nil)
	}
	for i := range b {
		visit(nil, &b[i])
	}
}

// union has what either list has. On a duplicate address the first list wins.
func union(a, b []listing.Info) []listing.Info {
	switch {
	case len(b) == 0:
		return a
	case len(a) == 0:
		return b
	}
	all := make([]listing.Info, 0, len(a)+len(b))
	walk(a, b, func(first, second *listing.Info) {
		if first == nil {
			first = second
		}
		all = append(all, *first)
	})
	return all
}

// without is what a has and b lacks.
func without(a, b []listing.Info) []listing.Info {
	var gone []listing.Info
	walk(a, b, func(first, second *listing.Info) {
		if second == nil {
			gone = append(gone, *first)
		}
	})
	return gone
}

func same(a, b []listing.Info) bool {
	return slices.EqualFunc(a, b, func(a, b listing.Info) bool { return a.Equal(&b) })
}
