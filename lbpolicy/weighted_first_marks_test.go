package lbpolicy

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// many is enough endpoints for marks.
const many = 1000

func TestALongListIsFilledInOrder(t *testing.T) {
	o := newOpenRequests(t, new(WeightedFirst), limited(t, many, 3))
	for i := range 3 * many {
		if got := o.open(); got != i/3 {
			t.Fatalf("request %d is at endpoint %d", i, got)
		}
	}
	if got := o.open(); got != -1 {
		t.Errorf("all are full, and endpoint %d got a request", got)
	}
	o.close(700)
	if got := o.open(); got != 700 {
		t.Errorf("endpoint 700 has the only free place, and %d got the request", got)
	}
}

// Each pick looks at looksPerPick of the full endpoints. That a free place is not found in twenty
// times as many picks as have looked at all has a probability of one to a billion.
func TestAFreePlaceOfALongListIsFoundSoon(t *testing.T) {
	const full = 800
	o := newOpenRequests(t, new(WeightedFirst), limited(t, 3*many, 1))
	o.openMany(full)
	for _, free := range []int{0, 799, 400, 63, 64} {
		o.close(free)
		var behind []int // where the requests go meanwhile
		for picks := 1; ; picks++ {
			i := o.open()
			if i == free {
				break
			}
			if behind = append(behind, i); picks > 20*full/looksPerPick {
				t.Fatalf("the free place at %d is not found in %d picks", free, picks)
			}
		}
		for _, i := range behind {
			o.close(i)
		}
	}
}

// Requests come and go at random. They must not spread to many more endpoints than they fill.
func TestALongListStaysPacked(t *testing.T) {
	const limit, load = 4, 2000
	random, o := rand.New(rand.NewPCG(3, 4)), newOpenRequests(t, new(WeightedFirst), limited(t, many, limit))
	var open []int
	for range load {
		open = append(open, o.open())
	}
	for range 50 * load {
		ended := random.IntN(load)
		o.close(open[ended])
		if open[ended] = o.open(); open[ended] > load/limit*5/4 {
			t.Fatalf("a request is at endpoint %d, and %d endpoints could hold all", open[ended], load/limit)
		}
	}
}

func TestConcurrentPicksOfALongListKeepTheLimits(t *testing.T) {
	const callers, limit = 8, 2
	o := newOpenRequests(t, new(WeightedFirst), limited(t, many, limit))
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range many * limit / callers {
				if i := o.open(); i < 0 || o.members[i].InFlight() > limit {
					t.Errorf("endpoint %d got a request", i)
				}
			}
		})
	}
	wg.Wait()
	if got := o.open(); got != -1 {
		t.Errorf("all are full, and endpoint %d got a request", got)
	}
}

// BenchmarkPickBehindFullEndpoints measures the policy that fills endpoints where half of them are
// full. A random one of these ends a request before each pick.
func BenchmarkPickBehindFullEndpoints(b *testing.B) {
	for _, n := range listSizes {
		o := newOpenRequests(b, new(WeightedFirst), limited(b, n, 10))
		open := make([]int, n/2*10)
		for i := range open {
			open[i] = o.open()
		}
		random := rand.New(rand.NewPCG(1, 2))
		b.Run(fmt.Sprintf("policy=weighted_first/endpoints=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ended := random.IntN(len(open))
				o.close(open[ended])
				open[ended] = o.open()
			}
		})
	}
}
