package pool

import (
	"cmp"
	"slices"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// The lists of a pool are sorted by address and have each address once. Comparing and merging two
// lists then takes one pass, and the tables of policies do not depend on which source answered
// first.

// sorted returns the list in order. On a duplicate address the first entry wins. It leaves the
// given list alone, because a source may still read its own.
func sorted(list []discovery.Endpoint) []discovery.Endpoint {
	for i := 1; i < len(list); i++ {
		if list[i-1].Address >= list[i].Address {
			list = slices.Clone(list)
			slices.SortStableFunc(list, func(a, b discovery.Endpoint) int { return cmp.Compare(a.Address, b.Address) })
			return slices.CompactFunc(list, func(a, b discovery.Endpoint) bool { return a.Address == b.Address })
		}
	}
	return list
}

// walk visits each address of two lists in order. first or second is nil if that list does not have
// the address.
func walk(a, b []discovery.Endpoint, visit func(first, second *discovery.Endpoint)) {
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

// union returns the endpoints of both lists. On a duplicate address the first list wins.
func union(a, b []discovery.Endpoint) []discovery.Endpoint {
	switch {
	case len(b) == 0:
		return a
	case len(a) == 0:
		return b
	}
	all := make([]discovery.Endpoint, 0, len(a)+len(b))
	walk(a, b, func(first, second *discovery.Endpoint) {
		if first == nil {
			first = second
		}
		all = append(all, *first)
	})
	return all
}

// difference returns the endpoints of a whose addresses are not in b.
func difference(a, b []discovery.Endpoint) []discovery.Endpoint {
	var missing []discovery.Endpoint
	walk(a, b, func(first, second *discovery.Endpoint) {
		if second == nil {
			missing = append(missing, *first)
		}
	})
	return missing
}

// equal reports whether two lists have the same endpoints with the same fields.
func equal(a, b []discovery.Endpoint) bool {
	return slices.EqualFunc(a, b, func(a, b discovery.Endpoint) bool { return a.Equal(&b) })
}
