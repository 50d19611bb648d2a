package lbpolicy

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// turnsOf is turns with the members that have a weight.
type turnsOf struct {
	*turns
	all []uint8
}

func newTurnsOf(seed uint64, weights ...uint32) turnsOf {
	members := make([]endpoint.Member, len(weights))
	var all []uint8
	for i, w := range weights {
		if members[i].Weight = w; w > 0 {
			all = append(all, uint8(i))
		}
	}
	return turnsOf{newTurns(members, rand.New(rand.NewPCG(seed, 1))), all}
}

func TestTurnsAreEvenAndFollowWeights(t *testing.T) {
	for _, weights := range [][]uint32{{5, 1, 1}, {1, 2, 3, 4}, {1, 1, 1}, {60, 30, 10}, {7, 0, 3}, {11, 3}, {99, 1}} {
		cycle := total(weights)
		for seed := range uint64(200) {
			s, picks := newTurnsOf(seed, weights...), []int(nil)
			for range 5 * cycle {
				picks = append(picks, s.take(s.all))
			}
			if _, _, window := deviation(weights, picks); window > 2*int64(cycle) {
				t.Errorf("%v, seed %d: over a window %d/W from the share, want up to 2W = %d", weights, seed, window, 2*cycle)
			}
		}
	}
}

func TestEqualEndpointsTakeTurnsInARound(t *testing.T) {
	s, got := newTurnsOf(1, 3, 3, 3, 3), []int(nil)
	for range 400 {
		got = append(got, s.take(s.all))
	}
	for i, turn := range got {
		if turn != got[i%4] {
			t.Fatalf("turn %d is that of %d, in a round of %v", i, turn, got[:4])
		}
	}
}

func TestNothingAndOneMemberTakeNoTurn(t *testing.T) {
	s := newTurnsOf(1, 5, 1, 1)
	before := s.next[1].Load()
	if got := s.take(nil); got != -1 {
		t.Errorf("of none, %d has its turn", got)
	}
	if got := s.take([]uint8{1}); got != 1 || s.next[1].Load() != before {
		t.Errorf("of one, %d has its turn, and its next one is at %d instead of %d", got, s.next[1].Load(), before)
	}
	newTurnsOf(1, 0, 0) // must not divide by 0
}

// An endpoint that was busy while the others took turns must not get all of theirs afterwards.
func TestAnEndpointThatComesBackGetsOneTurnAtOnce(t *testing.T) {
	s := newTurnsOf(1, 1, 1, 1)
	for range 1000 {
		s.take([]uint8{0, 1})
	}
	var got [3]int
	for range 30 {
		got[s.take(s.all)]++
	}
	if got[2] < 10 || got[2] > 11 {
		t.Errorf("of 30 turns it got %d", got[2])
	}
}

func TestTurnsSurviveAnOverflow(t *testing.T) {
	s := newTurnsOf(1, 2, 1)
	s.now.Add(math.MaxUint64 - 10*turnTime)
	for i := range s.next {
		s.next[i].Add(math.MaxUint64 - 10*turnTime)
	}
	var got [2]int
	for range 300 {
		got[s.take(s.all)]++
	}
	if want := [2]int{200, 100}; got != want {
		t.Errorf("turns %v, want %v", got, want)
	}
}

func TestConcurrentTurnsFollowWeights(t *testing.T) {
	const callers, each = 8, 10_000
	weights := []uint32{20, 5, 3, 28, 44}
	s, picks := newTurnsOf(1, weights...), make([][5]int, callers)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for range each {
				picks[c][s.take(s.all)]++
			}
		})
	}
	wg.Wait()
	for i, w := range weights {
		got := 0
		for c := range callers {
			got += picks[c][i]
		}
		if want := callers * each * int(w) / 100; got < want-callers || got > want+callers {
			t.Errorf("an endpoint of weight %d had %d turns, want %d", w, got, want)
		}
	}
}

// If the turns began with the heaviest endpoint after each change of the list, frequent changes
// would starve the light ones.
func TestLightEndpointsGetTheirShareOfFirstTurns(t *testing.T) {
	const starts, light = 5000, 50
	weights := append(slices.Repeat([]uint32{1}, light), 500, 450)
	for _, turns := range []int{1, 10, 100, 500} {
		got := 0
		for seed := range uint64(starts / turns) {
			s := newTurnsOf(seed, weights...)
			for range turns {
				if s.take(s.all) < light {
					got++
				}
			}
		}
		if want := starts * light / 1000; got < want*3/4 || got > want*5/4 {
			t.Errorf("the light endpoints had %d of the first %d turns, want about %d", got, turns, want)
		}
	}
}
