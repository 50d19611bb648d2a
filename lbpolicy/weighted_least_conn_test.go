package lbpolicy

import (
	"math"
	"slices"
	"testing"
)

// Numbers next to each other differ by less than a float64 can tell.
func TestFillsAreComparedExactly(t *testing.T) {
	const n = math.MaxInt32
	for _, c := range []struct {
		a, b fill
		want int
	}{
		{fill{n - 1, n}, fill{n, n + 1}, -1},
		{fill{n, n + 1}, fill{n - 1, n}, 1},
		{fill{n, math.MaxUint32}, fill{n - 1, math.MaxUint32 - 1}, 1},
		{fill{n, math.MaxUint32}, fill{n, math.MaxUint32}, 0},
		{fill{2, 4}, fill{3, 6}, 0},
		{fill{0, 1}, fill{0, 65535}, 0},
		{fill{0, 1}, fill{2, 65535}, -1},
	} {
		if got := c.a.compare(c.b); got != c.want {
			t.Errorf("%v against %v: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestOpenRequestsFollowWeightsExactly(t *testing.T) {
	o := newOpenRequests(t, new(WeightedLeastConn), weighted(t, 1, 2, 0, 3))
	if got, want := o.openMany(600), []int{100, 200, 0, 300}; !slices.Equal(got, want) {
		t.Errorf("%v are open, want %v", got, want)
	}
	for range 50 { // a deploy closes some
		o.close(3)
	}
	if got, want := o.openMany(50), []int{0, 0, 0, 50}; !slices.Equal(got, want) {
		t.Errorf("%v replace those that were closed, want %v", got, want)
	}
}

func TestAnIdleEndpointIsPreferredWhateverItsWeight(t *testing.T) {
	o := newOpenRequests(t, new(WeightedLeastConn), weighted(t, 1, 100))
	if first, second := o.open(), o.open(); first == second {
		t.Errorf("both requests are at endpoint %d", first)
	}
	// One more request would double what the light one has. The heavy one is as full with 200.
	if got, want := o.openMany(198), []int{0, 198}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTheTurnDecidesAmongEqualEndpointsOnly(t *testing.T) {
	o := newOpenRequests(t, new(WeightedLeastConn), weighted(t, 1, 1, 1))
	busy := o.open()
	for range 20 {
		if i := o.serve(); i == busy {
			t.Fatal("the endpoint with a request gets another one, while others are idle")
		}
	}
}

// A pool of more than compareAll endpoints has half of them busy. A sample of 8 misses the other
// half in 0.4 % of the picks.
func TestALargePoolPrefersTheLessFull(t *testing.T) {
	const picks = 10_000
	o := newOpenRequests(t, new(WeightedLeastConn), weighted(t, slices.Repeat([]int{1}, 1000)...))
	for i := range o.members {
		for range 1 + i%2*9 {
			o.members[i].Reserve(0)
		}
	}
	full := 0
	for range picks {
		full += o.serve() % 2
	}
	if full > picks/100 || full == 0 {
		t.Errorf("%d of %d picks went to the full half, want about 40", full, picks)
	}
}

func TestALargePoolIsFilledByWeight(t *testing.T) {
	weights := slices.Repeat([]int{1, 3}, 100)
	got := newOpenRequests(t, new(WeightedLeastConn), weighted(t, weights...)).openMany(100 * 4 * 100)
	for i, w := range weights {
		if got[i] < 90*w || got[i] > 110*w {
			t.Errorf("an endpoint of weight %d has %d requests, want about %d", w, got[i], 100*w)
		}
	}
}
