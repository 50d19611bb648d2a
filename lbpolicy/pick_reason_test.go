package lbpolicy

import (
	"slices"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// reasons returns how often the static upstreams were picked for each reason, by any policy.
func reasons() (n [endpoint.PickReasonCount]uint64) {
	endpoint.Each(func(name string, p *endpoint.Pool) bool {
		for _, by := range p.Picks() {
			for r := range n {
				n[r] += by.Count(endpoint.PickReason(r))
			}
		}
		return true
	})
	return n
}

// A pool of this size is picked from by computing, and a larger one by its table.
func TestAKeyThatDoesNotFitOverflowsInPoolsOfEverySize(t *testing.T) {
	for _, size := range []int{3, tableFrom + 10, warmFrom + 10} {
		c := newCaches(t, cachesOf(t, slices.Repeat([]int{1}, size)...)...)
		c.setKey("one hot key")
		before := reasons()
		first, endFirst := request(t, "/")
		home, _ := c.pick(first)
		second, endSecond := request(t, "/")
		other, _ := c.pick(second)
		after := reasons()
		if home == other {
			t.Fatalf("%d endpoints: the bound does not hold", size)
		}
		if n := after[endpoint.Sticky] - before[endpoint.Sticky]; n != 1 {
			t.Errorf("%d endpoints: %d picks are sticky, want 1", size, n)
		}
		if n := after[endpoint.Overflow] - before[endpoint.Overflow]; n != 1 {
			t.Errorf("%d endpoints: %d picks are an overflow, want 1", size, n)
		}
		endFirst()
		endSecond()
		waitFor(t, func() bool { return c.total() == 0 })
	}
}

func TestAKeyWhoseEndpointIsDownIsStickyElsewhere(t *testing.T) {
	for _, size := range []int{3, tableFrom + 10, warmFrom + 10} {
		c := newCaches(t, cachesOf(t, slices.Repeat([]int{1}, size)...)...)
		c.setKey("one hot key")
		r, end := request(t, "/")
		home, _ := c.pick(r)
		end()
		waitFor(t, func() bool { return c.total() == 0 })
		isOther := func(m *endpoint.Member) (ok bool, limit int) { return m.Endpoint != home, 0 }
		others := c.policy.NewPicker(c.roster, isOther)
		before := reasons()
		r, end = request(t, "/")
		other, _ := others.Pick(r)
		after := reasons()
		if n := after[endpoint.Sticky] - before[endpoint.Sticky]; other == home || n != 1 {
			t.Errorf("%d endpoints: %d picks are sticky, want 1", size, n)
		}
		end()
		waitFor(t, func() bool { return c.total() == 0 })
		others.Stop()
	}
}
