package lbpolicy

import (
	"math/rand/v2"
	"testing"
)

func TestACloneGoesOnExactly(t *testing.T) {
	for _, weights := range [][]uint32{{5, 1, 1}, rising(1, 10), rising(98, 5), equal(3, 20), {99, 1}} {
		cycle := total(weights)
		for _, picks := range []int{1, 3, 100} {
			s := startingAt(weights, cycle/3, lookBackEvents)
			clone := deal(s.cloneAfter(picks), 3*cycle)
			requireAnyCycleExact(t, weights, clone)
			requireEveryWindowBelowTwo(t, weights, clone)
		}
	}
}

func TestClonesDoNotPickInStep(t *testing.T) {
	const clones = 300
	table := &scheduleTable{schedule: newSchedule(equal(1, 40), rand.Uint64N)}
	first := map[int]int{}
	for range clones {
		first[table.next().next()]++
	}
	for i, n := range first {
		if n > clones/40*4 {
			t.Errorf("%d of %d clones begin with endpoint %d of 40", n, clones, i)
		}
	}
}

func TestAScheduleWithoutWeightsHasClones(t *testing.T) {
	if got := newSchedule(make([]uint32, 3), rand.Uint64N).cloneAfter(5).next(); got != -1 {
		t.Errorf("the clone picks %d", got)
	}
}
