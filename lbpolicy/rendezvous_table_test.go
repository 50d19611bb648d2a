package lbpolicy

import (
	"testing"
	"testing/synctest"
)

// withTable returns the map with its table, if it is for a large pool.
func withTable(nodes []node) *rendezvous {
	z := newRendezvous(nodes)
	if len(z.bidders) >= tableFrom {
		z.fillTable(visitsPerSlot)
	}
	return z
}

// fillTable builds the table at once.
func (z *rendezvous) fillTable(visits float64) *bidTable {
	z.table.Store(newBidTable(z.bidders, visits, &z.dropped))
	return z.table.Load()
}

func TestTheTableHasTheBestBidOfEverySlotUpToItsHorizon(t *testing.T) {
	for name, weight := range weightings {
		z := newRendezvous(testNodes(5, 4, weight))
		for _, visits := range []float64{1, visitsPerSlot} {
			table := z.fillTable(visits)
			for slot, got := range table.first {
				var best uint64
				for _, v := range z.bidders {
					best = max(best, bid(v.weight/exposure(v.arrival(uint32(slot))), v.rank))
				}
				if got != best && speed(best) >= table.horizon {
					t.Fatalf("%s, %v visits: slot %d has bid %#x, want %#x", name, visits, slot, got, best)
				}
			}
		}
	}
}

func TestTheTableAgreesWithComputingEveryBid(t *testing.T) {
	z := newRendezvous(testNodes(50, 4, oneToTen))
	z.fillTable(0.2) // it lacks half of the keys
	for key := range uint64(10_000) {
		at := slotsOf(key, 0)
		if got, want := z.owner(key, 0), z.fastest(&at, nil); got != want {
			t.Fatalf("key %d belongs to %d by the table, and to %d by all bids", key, got, want)
		}
	}
}

func TestChoicesAreTheSameBeforeATableIsReady(t *testing.T) {
	for _, n := range []int{33, 200} {
		nodes := testNodes(n, 5, oneToTen)
		computed, tabled := newRendezvous(nodes), withTable(nodes)
		for key := range uint64(500) {
			for step := range computed.steps() {
				if got, want := computed.owner(key, step), tabled.owner(key, step); got != want {
					t.Fatalf("choice %d of key %d is %d, and %d by the table", step, key, got, want)
				}
			}
		}
	}
}

func TestATableIsBuiltOnceItPays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newRendezvous(testNodes(2000, 6, alike))
		for key := range uint64(computedBefore/2000 - 1) {
			z.owner(key, 0)
		}
		if synctest.Wait(); z.table.Load() != nil {
			t.Error("a table is built that has not paid yet")
		}
		z.owner(1, 0)
		z.owner(2, 0)
		if synctest.Wait(); z.table.Load() == nil {
			t.Error("no table is built although it pays")
		}
	})
}

// The bubble does not end before its goroutines do.
func TestOfABurstOfListsOnlyTheLatestTableIsBuilt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lists []*rendezvous
		building.Lock() // the table of another pool is being built
		for seed := range uint64(4) {
			z := newRendezvous(testNodes(large, seed, alike))
			z.computed.Store(computedBefore - 1)
			z.owner(1, 0)
			if lists = append(lists, z); seed > 0 {
				lists[seed-1].drop()
			}
		}
		building.Unlock()
		synctest.Wait()
		for i, z := range lists {
			if built := z.table.Load() != nil; built != (i == len(lists)-1) {
				t.Errorf("list %d has a table: %t", i+1, built)
			}
		}
	})
}

func TestATableThatIsDroppedWhileItIsBuiltIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newRendezvous(testNodes(1000, 6, alike))
		z.computed.Store(computedBefore - 1)
		z.owner(1, 0)
		z.drop()
		if synctest.Wait(); z.table.Load() != nil {
			t.Error("the table is left")
		}
	})
}
