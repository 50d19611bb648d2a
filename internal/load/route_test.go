package load

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// routeOf returns a route with answers of these times in seconds, 10 ms apart.
func routeOf(seconds ...float64) *Route {
	r := new(Route)
	for i, s := range seconds {
		r.observe(second+Instant(i)*1e7, s, false, decay)
	}
	return r
}

func TestTheFirstAnswersOfARouteCountAlike(t *testing.T) {
	r := routeOf(.1, .2, .3)
	wantNear(t, "the mean", r.mean.get(), .2)
	wantNear(t, "the mean square", r.square.get(), (.01+.04+.09)/3)
	wantNear(t, "the mean logarithm", r.logarithm.get(), math.Log(.1*.2*.3)/3)
	wantNear(t, "the number of answers", r.answers.get(), 3)
}

func TestARouteIsKnownFromItsFirstAnswerOn(t *testing.T) {
	var r Route
	r.observe(second, .1, true, decay)
	if r.known() {
		t.Error("a failure says how long answers take")
	}
	r.observe(second, .1, false, decay)
	if !r.known() {
		t.Error("an answer does not")
	}
}

func TestAFailureSaysNothingAboutTimes(t *testing.T) {
	r := routeOf(.1, .1)
	r.observe(2*second, 30, true, decay)
	wantNear(t, "the mean", r.mean.get(), .1)
	wantNear(t, "the usual time", r.usual.get(), .1)
}

func TestALongTimeCountsAsClipTimesTheUsualOne(t *testing.T) {
	r := routeOf(.1, .1, .1, 100)
	wantNear(t, "the usual time", r.usual.get(), (.1+.1+.1+.3)/4)
	wantNear(t, "the mean", r.mean.get(), 25.075)
}

func TestTheUsualTimeOfACommonDistributionIsNearItsMean(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var r Route
	for i := range Instant(10_000) {
		r.observe(second+i*1e6, random.ExpFloat64(), false, decay)
	}
	if usual := r.usual.get(); usual < .85 || usual > 1.05 {
		t.Errorf("the usual one of exponential times of mean 1 is %v", usual)
	}
}

func TestARouteKnowsTheSharesOfLongAndShortTimes(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var r Route
	for i := range Instant(20_000) {
		s := .1
		switch x := random.Float64(); {
		case x < .1:
			s = 1
		case x < .3:
			s = .01
		}
		r.observe(second+i*1e7, s, false, decay)
	}
	if long := r.long.get(); long < .06 || long > .14 {
		t.Errorf("the share of long ones is %v, want about .1", long)
	}
	if short := r.short.get(); short < .14 || short > .26 {
		t.Errorf("the share of short ones is %v, want about .2", short)
	}
}

func TestTimesThatAreAllEqualAreNeitherLongNorShort(t *testing.T) {
	r := routeOf(.1, .1, .1, .1)
	if r.long.get() != 0 || r.short.get() != 0 {
		t.Errorf("shares of %v and %v", r.long.get(), r.short.get())
	}
}

func TestTheUsualAgeIsThatOfWhatWaits(t *testing.T) {
	wantNear(t, "that of constant times", routeOf(.1, .1).usualAge(at(time.Hour)), .1)
	// Of the time in which requests wait, 100/103 belongs to those that take 1 s.
	wantNear(t, "that of different times", routeOf(.01, .01, .01, 1).usualAge(at(time.Hour)), 1.0003/1.03)
}

func TestTheShareOfFailures(t *testing.T) {
	for _, c := range []struct {
		what          string
		failures, all int
		low, high     float64
	}{
		{"before the first result", 0, 0, .05, .05},
		{"after one failure", 1, 1, .24, .24},
		{"after one answer", 0, 1, .04, .04},
		{"if none fails", 0, 1000, .0001, .0003},
		{"if all fail", 1000, 1000, .99, .999},
		{"if 2 % fail", 20, 1000, .015, .025},
	} {
		var r Route
		for i := range c.all {
			failed := c.failures > 0 && i%(c.all/c.failures) == 0
			r.observe(second+Instant(i)*1e7, .1, failed, decay)
		}
		if got := r.failureShare(); got < c.low-1e-6 || got > c.high+1e-6 {
			t.Errorf("%s it is %v, want %v to %v", c.what, got, c.low, c.high)
		}
	}
}

func TestARouteForgetsWithinAFewDecayTimes(t *testing.T) {
	var r Route
	now := second
	for range 1000 {
		now += at(10 * time.Millisecond)
		r.observe(now, .1, false, decay)
	}
	for range 3000 { // for three decay times
		now += at(10 * time.Millisecond)
		r.observe(now, .2, false, decay)
	}
	if mean := r.mean.get(); mean < .19 {
		t.Errorf("after three decay times the mean is %v, want nearly .2", mean)
	}
}

func TestOneResultNeverCountsForMuchHoweverLongTheBreak(t *testing.T) {
	var r Route
	now := second
	for range 1000 {
		now += at(10 * time.Millisecond)
		r.observe(now, .1, false, decay)
	}
	r.observe(now+at(time.Hour), .1, true, decay)
	if got := r.failed.get(); got > 1./64+1e-6 {
		t.Errorf("one failure after a break of an hour is a share of %v", got)
	}
}
