package lbpolicy

import (
	"math"
	"math/rand/v2"
	"testing"
)

// sharesIn counts the slots of each group in a table.
func sharesIn(t *splitTable) []int {
	counts := make([]int, len(t.shares))
	for _, g := range t.group {
		counts[g]++
	}
	return counts
}

func TestASplitTableHasExactlyTheShares(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		shares, left := make([]int, 1+random.IntN(maxGroups)), wholeShare
		standard := random.IntN(len(shares))
		for g := range shares {
			if g != standard {
				shares[g] = random.IntN(left + 1)
				left -= shares[g]
			}
		}
		table := newSplitTable(shares, standard)
		for g, n := range sharesIn(table) {
			want := shares[g]
			if g == standard {
				want = left
			}
			if n != want || table.shares[g] != want {
				t.Fatalf("shares %v: group %d has %d slots, want %d", shares, g, n, want)
			}
		}
	}
}

func TestRaisingAShareMovesOnlyThoseThatMustMove(t *testing.T) {
	for name, c := range map[string]struct{ before, after []int }{
		"a canary from 10 to 20 %":           {[]int{0, 1000}, []int{0, 2000}},
		"a canary from 0 to 100 %":           {[]int{0, 0}, []int{0, wholeShare}},
		"one of two canaries":                {[]int{0, 1000, 500}, []int{0, 2000, 500}},
		"one of two canaries beyond a half":  {[]int{0, 4000, 500}, []int{0, 7000, 500}},
		"a canary beside one beyond a half":  {[]int{0, 500, 7000}, []int{0, 1000, 7000}},
		"a canary that is stopped":           {[]int{0, 2500, 1000}, []int{0, 0, 1000}},
		"one of three, up to its third part": {[]int{0, 1, 2, 3}, []int{0, 3333, 2, 3}},
	} {
		before, after := newSplitTable(c.before, 0), newSplitTable(c.after, 0)
		moved, must := 0, 0
		for slot := range before.group {
			if before.group[slot] != after.group[slot] {
				moved++
			}
		}
		for g := range before.shares {
			must += max(after.shares[g]-before.shares[g], 0)
		}
		if moved != must {
			t.Errorf("%s: %d slots move, and %d must", name, moved, must)
		}
	}
}

// The bound is that of turns one after the other, such as those of a wheel, for ever, whatever the
// share is and wherever one begins to count.
func TestTurnsAreExactAtAnyTime(t *testing.T) {
	for _, share := range []int{1, 100, 777, 1000, 2500, 3333, 5000, 9999} {
		table := newSplitTable([]int{0, share}, 0)
		turn := newSplitTurn(rand.New(rand.NewPCG(3, 4)))
		var got, worst, least float64
		for n := 1; n <= 3*wholeShare; n++ {
			got += float64(table.group[turn.next()])
			ahead := got - float64(n*share)/wholeShare
			worst, least = max(worst, ahead), min(least, ahead)
			if n%wholeShare == 0 && math.Abs(ahead) > 1e-6 {
				t.Errorf("share %d: after %d turns it is %v ahead", share, n, ahead)
			}
		}
		if worst-least > 4 {
			t.Errorf("share %d: it is from %v to %v turns ahead", share, least, worst)
		}
	}
}
