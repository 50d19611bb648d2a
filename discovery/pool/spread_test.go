package pool

import (
	"slices"
	"testing"
)

func TestSpreadYieldsEachNumberOnceAndTheFirstFewFarApart(t *testing.T) {
	for _, n := range []int{0, 1, 30, 31, 32, 61, 62, 200, 5000} {
		order := slices.Collect(spread(n, 31))
		first := slices.Sorted(slices.Values(order[:min(n, 31)]))
		for i := 1; i < len(first); i++ {
			if gap := first[i] - first[i-1]; gap < n/31 {
				t.Errorf("of %d, %v come first", n, first)
				break
			}
		}
		var all []int
		for i := range n {
			all = append(all, i)
		}
		if slices.Sort(order); !slices.Equal(order, all) {
			t.Errorf("of %d, it yields %v", n, order)
		}
	}
}
