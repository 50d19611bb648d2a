package lbpolicy

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
)

// wholeShare is all requests, in slots. A request has one of them, so that shares are exact to a
// hundredth of a percent.
const wholeShare = 10_000

func shareSlots(percent float64) int { return int(math.Round(percent * wholeShare / 100)) }

func percentOf(slots int) float64 { return float64(slots) * 100 / wholeShare }

func sumOfShares(slots []int) (sum int) {
	for _, n := range slots {
		sum += n
	}
	return sum
}

// splitTable says which group has each slot. It never changes.
type splitTable struct {
	group  [wholeShare]uint8
	shares []int // in slots, also of the default group
}

// newSplitTable gives each group as many slots as its share says, and the rest to the standard one.
// The sum of the shares must not be more than the whole.
//
// Each group but the standard one grows within its own part of the line, and beyond that into what
// others leave free, from the end of the line. When the share of one group changes, no slot moves
// between two others, unless a part is full.
func newSplitTable(shares []int, standard int) *splitTable {
	t := &splitTable{shares: append([]int(nil), shares...)}
	t.shares[standard] = 0
	t.shares[standard] = wholeShare - sumOfShares(t.shares)
	for slot := range t.group {
		t.group[slot] = uint8(standard)
	}
	part, others := 0, max(len(shares)-1, 1)
	beyond := make([]int, len(shares))
	for g, share := range t.shares {
		if g == standard {
			continue
		}
		from, to := part*wholeShare/others, (part+1)*wholeShare/others
		part++
		within := min(share, to-from)
		beyond[g] = share - within
		for slot := from; slot < from+within; slot++ {
			t.group[slot] = uint8(g)
		}
	}
	slot := wholeShare - 1
	for g, n := range beyond {
		for ; n > 0; slot-- {
			if t.group[slot] == uint8(standard) {
				t.group[slot] = uint8(g)
				n--
			}
		}
	}
	return t
}

// splitTurn gives each slot its turn.
type splitTurn struct{ last atomic.Uint64 }

// newSplitTurn begins at a random turn, so that proxies that start together do not go in step.
func newSplitTurn(random *rand.Rand) *splitTurn {
	t := new(splitTurn)
	t.last.Store(random.Uint64() >> 1) // far from its end
	return t
}

// goldenStep is the whole by the golden ratio, and has no divisor in common with it. Turns that lie
// so far apart come to every slot once in each whole, and are spread evenly over any part of the
// line at any time (Weyl, 1916).
const goldenStep = 6181

// next returns the slot of the next request.
func (t *splitTurn) next() int { return int(t.last.Add(1) % wholeShare * goldenStep % wholeShare) }
