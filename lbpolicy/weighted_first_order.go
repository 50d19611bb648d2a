package lbpolicy

import (
	"cmp"
	"slices"
	"strings"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// fillOrder returns the members that serve, in the order in which they are filled. It goes by the
// weight that the source says. A slow start makes the weight of the member smaller for a time, and
// must not change the order.
func fillOrder(members []endpoint.Member) []int32 {
	order := make([]int32, 0, len(members))
	for i := range members {
		if members[i].Weight > 0 {
			order = append(order, int32(i))
		}
	}
	slices.SortStableFunc(order, func(a, b int32) int {
		x, y := members[a].Info, members[b].Info
		return cmp.Or(cmp.Compare(y.Weight, x.Weight), compareNumbered(x.ID, y.ID))
	})
	return order
}

// compareNumbered compares texts with numbers in them, so that web-2 is before web-10.
func compareNumbered(a, b string) int {
	for a != "" && b != "" {
		m, n := digits(a), digits(b)
		if m > 0 && n > 0 {
			if order := compareDigits(a[:m], b[:n]); order != 0 {
				return order
			}
			a, b = a[m:], b[n:]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

// digits returns the length of the number at the start of a text.
func digits(text string) (n int) {
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return n
}

// compareDigits compares numbers of any length. Leading zeros decide between equal ones.
func compareDigits(a, b string) int {
	x, y := strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y), cmp.Compare(len(a), len(b)))
}
