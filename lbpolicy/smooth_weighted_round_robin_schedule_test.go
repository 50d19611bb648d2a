package lbpolicy

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// startingAt returns a schedule that looks back for the given number of windows. In cycles that are
// short enough for a test, newSchedule would always look back to the end.
func startingAt(weights []uint32, t uint64, follow int) *schedule {
	s := &schedule{}
	s.groups, s.cycle = groupByWeight(weights)
	s.startAt(t, follow)
	s.replace(nil)
	return s
}

func deal(s *schedule, n uint64) []int {
	picks := make([]int, n)
	for i := range picks {
		picks[i] = s.next()
	}
	return picks
}

func total(weights []uint32) (sum uint64) {
	for _, w := range weights {
		sum += uint64(w)
	}
	return sum
}

// deviation returns how far any endpoint is behind and ahead of its ideal share, counted from the
// first pick, and over any window, in 1/W picks. The deviation over a window is the difference of
// those at its ends. The extremes are just before and just after a pick.
func deviation(weights []uint32, picks []int) (lag, lead, window int64) {
	cycle := int64(total(weights))
	count, lags, leads := make([]int64, len(weights)), make([]int64, len(weights)), make([]int64, len(weights))
	for t, i := range picks {
		lags[i] = max(lags[i], int64(t)*int64(weights[i])-count[i]*cycle)
		count[i]++
		leads[i] = max(leads[i], count[i]*cycle-int64(t+1)*int64(weights[i]))
	}
	for i := range weights {
		lags[i] = max(lags[i], int64(len(picks))*int64(weights[i])-count[i]*cycle)
		window = max(window, lags[i]+leads[i])
	}
	return slices.Max(lags), slices.Max(leads), window
}

func requireFromCycleStartBelowOne(t *testing.T, weights []uint32, picks []int) {
	t.Helper()
	if lag, lead, _ := deviation(weights, picks); max(lag, lead) >= int64(total(weights)) {
		t.Fatalf("%.40v: lag %d/W, lead %d/W, want both below W = %d", weights, lag, lead, total(weights))
	}
}

func requireEveryWindowBelowTwo(t *testing.T, weights []uint32, picks []int) {
	t.Helper()
	if _, _, window := deviation(weights, picks); window >= 2*int64(total(weights)) {
		t.Fatalf("%.40v: over a window %d/W from the share, want below 2W = %d", weights, window, 2*total(weights))
	}
}

// requireAnyCycleExact expects exact counts in any W consecutive picks. If the first W picks are
// exact, the W picks from the second on are exact if the pick that enters equals the pick that
// leaves, etc.
func requireAnyCycleExact(t *testing.T, weights []uint32, picks []int) {
	t.Helper()
	cycle, count := int(total(weights)), make([]uint32, len(weights))
	for _, i := range picks[:cycle] {
		count[i]++
	}
	if !slices.Equal(count, weights) {
		t.Fatalf("first cycle: counts %.40v, want %.40v", count, weights)
	}
	for first, i := range picks[cycle:] {
		if picks[first] != i {
			t.Fatalf("%.40v: the %d picks after pick %d are not exact", weights, cycle, first)
		}
	}
}

func requireSmoothAndExact(t *testing.T, weights []uint32, start uint64, follow int) {
	t.Helper()
	cycle, picks := total(weights), deal(startingAt(weights, start, follow), 3*total(weights))
	requireAnyCycleExact(t, weights, picks)
	requireEveryWindowBelowTwo(t, weights, picks)
	requireFromCycleStartBelowOne(t, weights, picks[cycle-start:])
}

func equal(weight uint32, n int) []uint32 { return slices.Repeat([]uint32{weight}, n) }

func rising(from uint32, n int) []uint32 {
	weights := make([]uint32, n)
	for i := range weights {
		weights[i] = from + uint32(i)
	}
	return weights
}

func drawn(random *rand.Rand, n int, below uint32) []uint32 {
	weights := make([]uint32, n)
	for i := range weights {
		weights[i] = random.Uint32N(below)
	}
	return weights
}

func TestScheduleIsSmoothAndExactFromAnyStart(t *testing.T) {
	for name, weights := range map[string][]uint32{
		"one":              {7},
		"20 equal":         equal(3, 20),
		"5,1,1":            {5, 1, 1},
		"1 to 10":          rising(1, 10),
		"1 to 100":         rising(1, 100),
		"32 of 1, 2 and 4": slices.Repeat([]uint32{1, 2, 4}, 32),
		"100 of 1 and 100": append(equal(1, 100), 100),
		"close together":   rising(98, 5),
		"11,3":             {11, 3},
		"99,1":             {99, 1},
		"65535,1":          {65535, 1},
		"with zeros":       {0, 3, 0, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			cycle := total(weights)
			for _, start := range []uint64{0, 1, cycle / 3, cycle / 2, cycle - 1} {
				requireSmoothAndExact(t, weights, start, lookBackEvents)
			}
		})
	}
}

func TestScheduleIsSmoothAndExactFromEveryStart(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 150 {
		weights := drawn(random, 1+random.IntN(9), 1+random.Uint32N(30))
		for start := range total(weights) {
			requireSmoothAndExact(t, weights, start, 0)
			requireSmoothAndExact(t, weights, start, lookBackEvents)
		}
	}
}

func TestScheduleIsSmoothAndExactForRandomWeights(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for follow := range 20 {
		weights := append(drawn(random, random.IntN(150), 1+random.Uint32N(300)), 1)
		requireSmoothAndExact(t, weights, random.Uint64N(total(weights)), follow)
	}
}

func TestScheduleDoesNotOverflow(t *testing.T) {
	for name, weights := range map[string][]uint32{
		"10,000 of the largest weight": equal(65535, 10_000),
		"10,000 large weights":         rising(65535-9_999, 10_000),
		"beyond the largest weight":    {math.MaxUint32, math.MaxUint32, math.MaxUint32 - 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			const n = 30_000
			cycle := total(weights)
			requireFromCycleStartBelowOne(t, weights, deal(startingAt(weights, 0, 1), n))
			for _, start := range []uint64{1, cycle / 3, cycle - n/2, cycle - 1} {
				requireEveryWindowBelowTwo(t, weights, deal(startingAt(weights, start, 1), n))
			}
		})
	}
}

func TestZeroWeightsAreNeverPicked(t *testing.T) {
	for _, weights := range [][]uint32{nil, {0}, {0, 0, 0}} {
		if got := newSchedule(weights, rand.Uint64N).next(); got != -1 {
			t.Errorf("%v: picked %d, want -1", weights, got)
		}
	}
	for _, i := range deal(newSchedule([]uint32{0, 1, 0, 65535, 0}, rand.Uint64N), 100_000) {
		if i != 1 && i != 3 {
			t.Fatalf("picked %d, which has weight 0", i)
		}
	}
}

func TestConcurrentCallersGetEveryPickOnce(t *testing.T) {
	const callers, each = 8, 7 * 10_000 // together 10,000 cycles
	weights := []uint32{20, 0, 5, 3, 28}
	s, picks := newSchedule(weights, rand.Uint64N), make([][]int, callers)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() { picks[c] = deal(s, each) })
	}
	wg.Wait()
	got := make([]int, len(weights))
	for _, i := range slices.Concat(picks...) {
		got[i]++
	}
	if want := []int{200_000, 0, 50_000, 30_000, 280_000}; !slices.Equal(got, want) {
		t.Errorf("counts %v, want %v", got, want)
	}
}

// Of 50 independent starts over 10 endpoints, one endpoint gets more than 14 with a probability of
// less than 1 in 1,000.
func TestNewSchedulesDoNotPickInStep(t *testing.T) {
	const schedules, limit = 50, 14
	random, at := rand.New(rand.NewPCG(7, 8)), [20][10]int{}
	for range schedules {
		for k, i := range deal(newSchedule(equal(1, 10), random.Uint64N), uint64(len(at))) {
			at[k][i]++
		}
	}
	for k, counts := range at {
		if got := slices.Max(counts[:]); got > limit {
			t.Errorf("pick %d: %d of %d schedules chose the same endpoint, want at most %d", k, got, schedules, limit)
		}
	}
}

// A schedule is replaced on every change of the pool. If each one began with the heaviest endpoint,
// frequent changes would starve the light ones.
func TestLightEndpointsGetTheirShareOfFirstPicks(t *testing.T) {
	const schedules, picks, light = 200, 100, 50
	weights := append(rising(1, light), rising(500, 100)...)
	random, got := rand.New(rand.NewPCG(9, 10)), 0
	for range schedules {
		for _, i := range deal(newSchedule(weights, random.Uint64N), picks) {
			if i < light {
				got++
			}
		}
	}
	if want := schedules * picks * int(total(weights[:light])) / int(total(weights)); got < want*3/4 || got > want*5/4 {
		t.Errorf("the light endpoints got %d picks, want %d or a quarter more or less", got, want)
	}
}

func BenchmarkSchedule(b *testing.B) {
	for _, n := range []int{10, 1000, 10_000} {
		s := newSchedule(drawn(rand.New(rand.NewPCG(11, 12)), n, 65536), rand.Uint64N)
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			for b.Loop() {
				s.next()
			}
		})
	}
}

func BenchmarkNewSchedule(b *testing.B) {
	weights := drawn(rand.New(rand.NewPCG(11, 12)), 10_000, 65536)
	for b.Loop() {
		newSchedule(weights, rand.Uint64N)
	}
}
