package simulation

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestDrawnWorkHasTheStatedMean(t *testing.T) {
	for _, tt := range []struct {
		name string
		draw func(*rand.Rand) time.Duration
		mean float64
	}{
		{"exponential", exponential(50 * time.Millisecond), 50},
		{"positive normal", positiveNormal(80 * time.Millisecond), 80},
		{"production", production, 169.5}, // Finagle's file has a mean of 169.56 ms
	} {
		rng := rand.New(rand.NewPCG(1, 1))
		draws := make([]time.Duration, 200_000)
		for i := range draws {
			draws[i] = tt.draw(rng)
		}
		if got := milliseconds(mean(draws)); math.Abs(got-tt.mean) > .01*tt.mean {
			t.Errorf("%s: the mean is %.2f ms; expected %.2f", tt.name, got, tt.mean)
		}
		if slices.Min(draws) < 0 {
			t.Errorf("%s: drew %v", tt.name, slices.Min(draws))
		}
	}
}

func TestTheSameSeedDrawsTheSameRequests(t *testing.T) {
	for _, s := range []scenario{speeds, fewPolls} {
		if !slices.Equal(s.arrivals(1), s.arrivals(1)) {
			t.Errorf("%s: two policies would not meet the same requests", s.name)
		}
		if slices.Equal(s.arrivals(1), s.arrivals(2)) {
			t.Errorf("%s: the seed does not matter", s.name)
		}
	}
}

func TestRequestsArriveAtTheRateOfTheScenario(t *testing.T) {
	got, want := float64(len(buoyant.arrivals(1))), buoyant.rate*buoyant.duration.Seconds()
	if math.Abs(got-want) > 4*math.Sqrt(want) {
		t.Errorf("%.0f requests arrive; expected about %.0f", got, want)
	}
}

func TestEachKindOfMixedTrafficArrivesAtItsRate(t *testing.T) {
	all := manyPolls.arrivals(1)
	if !slices.IsSortedFunc(all, func(a, b arrival) int { return cmp.Compare(a.at, b.at) }) {
		t.Error("the requests are not in the order of time")
	}
	for i := range manyPolls.traffic {
		k, got := &manyPolls.traffic[i], 0.
		for _, a := range all {
			if a.kind == k {
				got++
			}
		}
		if want := k.rate * manyPolls.duration.Seconds(); math.Abs(got-want) > 4*math.Sqrt(want) {
			t.Errorf("kind %d: %.0f requests arrive; expected about %.0f", i, got, want)
		}
	}
}

func TestAnotherKindLeavesTheOthersAsTheyWere(t *testing.T) {
	quick := func(s scenario) (all []time.Duration) {
		for _, a := range s.arrivals(1) {
			if a.path == "/api/items" {
				all = append(all, a.at, a.drawn)
			}
		}
		return all
	}
	if !slices.Equal(quick(fewPolls), quick(manyPolls)) {
		t.Error("the quick requests change with the number of polls")
	}
}
