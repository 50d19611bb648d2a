package load

import (
	"math"
	"testing"
	"time"
)

func TestTheFirstSamplesOfAMeanCountAlike(t *testing.T) {
	var n, mean value
	for _, sample := range []float64{1, 2, 6} {
		mean.move(sample, n.count(0, decay))
	}
	wantNear(t, "the mean", mean.get(), 3)
}

func TestAMeanForgetsWithTime(t *testing.T) {
	var n value
	for range maxCount {
		n.count(0, decay)
	}
	wantNear(t, "the weight of a sample at the same instant", n.count(0, decay), 1./maxCount)
	wantNear(t, "a hundredth of the decay later", n.count(decay/100, decay), .00995)
	wantNear(t, "an hour later", n.count(time.Hour, decay), minPart)
}

func TestCountsAreBounded(t *testing.T) {
	var n, last value
	for range 10 * maxCount {
		n.count(0, decay)
		last.countLast(.01)
	}
	if n.get() != maxCount || last.get() != maxCount {
		t.Errorf("%v and %v", n.get(), last.get())
	}
}

func TestOnlyTheLastSamplesOfAMeanCount(t *testing.T) {
	var n, mean value
	for range 1000 {
		mean.move(1, n.countLast(.1))
	}
	for range 100 {
		mean.move(5, n.countLast(.1))
	}
	wantNear(t, "the mean", mean.get(), 5)
}

func TestDecayFactorIsExponentialUpToOneDecay(t *testing.T) {
	for x := 0.; x <= 1; x += .01 {
		got, want := decayFactor(time.Duration(x*float64(decay)), decay), math.Exp(-x)
		if math.Abs(got-want) > .0014 {
			t.Errorf("after %.2f decay times it is %v, want %v", x, got, want)
		}
	}
}

func TestDecayFactorNeverRisesAndEndsAtThreeDecays(t *testing.T) {
	last := 1.
	for elapsed := -decay; elapsed < 4*decay; elapsed += decay / 100 {
		f := decayFactor(elapsed, decay)
		if f > last || f < 0 {
			t.Fatalf("after %v it is %v, and was %v before", elapsed, f, last)
		}
		last = f
	}
	if decayFactor(3*decay, decay) != 0 || decayFactor(3*decay-1, decay) == 0 {
		t.Error("it does not end at three decay times")
	}
	if decayFactor(math.MaxInt64, time.Nanosecond) != 0 {
		t.Error("it does not end for the shortest decay")
	}
}
