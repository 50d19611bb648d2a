package lbpolicy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

func TestTheBoundHoldsAtEveryPick(t *testing.T) {
	c := newCaches(t, cachesOf(t, 1, 2, 3, 4, 10)...)
	random := rand.New(rand.NewPCG(3, 3))
	zipf := rand.NewZipf(random, 1.2, 1, 1000)
	var open []func()
	for range 4000 {
		if len(open) > 0 && random.IntN(100) < 45 {
			i := random.IntN(len(open))
			before := c.total()
			open[i]()
			waitFor(t, func() bool { return c.total() == before-1 })
			open[i] = open[len(open)-1]
			open = open[:len(open)-1]
			continue
		}
		r, end := request(t, fmt.Sprint("/", zipf.Uint64()))
		e, _ := c.pick(r)
		open = append(open, end)
		m := c.roster.Snapshot().Find(e.Address())
		if n, limit := e.InFlight(), c.bound(m, c.total()); n > limit {
			t.Fatalf("%d of %d in flight at weight %d of %v; the bound is %d", n, c.total(), m.Weight, c.weight, limit)
		}
	}
	for _, end := range open {
		end()
	}
}

// A retry may not go to the endpoint that it tried. Others may, so its weight still counts.
func TestTheBoundHoldsAfterARetry(t *testing.T) {
	infos := cachesOf(t, 1, 1, 1, 1)
	c := newCaches(t, infos...)
	c.setKey("one hot key")
	r, end := request(t, "/")
	defer end()
	c.pick(r)
	c.replace(slices.Concat(infos, cachesOf(t, 1, 1, 1, 1, 1)[4:])...) // a new list, whose first pick is the retry
	c.pick(r)
	for range 100 {
		r, end := request(t, "/")
		defer end()
		e, _ := c.pick(r)
		if n, limit := e.InFlight(), c.bound(c.roster.Snapshot().Find(e.Address()), c.total()); n > limit {
			t.Fatalf("%d of %d in flight at one of %v; the bound is %d", n, c.total(), c.weight, limit)
		}
	}
}

func TestTheBoundHoldsWhenManyPickAtOnce(t *testing.T) {
	c := newCaches(t, cachesOf(t, 1, 1, 1, 1, 1, 1, 1)...)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				r, _ := request(t, "/hot")
				c.pick(r)
			}
		})
	}
	wg.Wait()
	for _, m := range c.roster.Snapshot().Members {
		if limit := c.bound(&m, 4000); m.InFlight() > limit {
			t.Errorf("%s has %d of 4000 in flight; the bound is %d", m.Address(), m.InFlight(), limit)
		}
	}
}

// Some requests retry. If all did, the endpoint of the hot key would be left idle, and what the
// others may have would not suffice for all. While a retry is picked, the request counts at both
// endpoints.
func TestTheBoundHoldsWhenManyRetryAtOnce(t *testing.T) {
	const goroutines, requests = 8, 300
	c := newCaches(t, cachesOf(t, 1, 1, 1, 1)...)
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for i := range requests {
				r, _ := request(t, "/hot")
				if c.pick(r); i%4 == 0 {
					c.pick(r)
				}
			}
		})
	}
	wg.Wait()
	for _, m := range c.roster.Snapshot().Members {
		if limit := c.bound(&m, goroutines*(requests+1)); m.InFlight() > limit {
			t.Errorf("%s has %d of %d in flight; the bound is %d", m.Address(), m.InFlight(), c.total(), limit)
		}
	}
}
