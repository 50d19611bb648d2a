package main

import (
	"math"
	"reflect"
	"testing"
	"time"
)

func mixed() *scenario { return &scenarios[len(scenarios)-1] }

func TestSameSeedScenarioAndRoundDrawTheSameRequests(t *testing.T) {
	o := &options{duration: 10 * time.Second, rate: 100, seed: 1}
	first := draw(mixed(), o, 0)
	same := func(other []request) bool { return reflect.DeepEqual(first, other) }
	if !same(draw(mixed(), o, 0)) {
		t.Error("the same round differs")
	}
	if same(draw(mixed(), o, 1)) {
		t.Error("another round is the same")
	}
	if o.seed = 2; same(draw(mixed(), o, 0)) {
		t.Error("another seed is the same")
	}
}

func TestRequestsAreMixedByTheirShares(t *testing.T) {
	requests := draw(mixed(), &options{duration: 1000 * time.Second, rate: 100, seed: 1}, 0)
	counts := make(map[string]int)
	for _, r := range requests {
		counts[r.class.path]++
		if r.work < r.class.base || r.parked != (r.class.path == "/poll") {
			t.Fatalf("%+v", r)
		}
	}
	for _, c := range mixed().classes {
		if share := float64(counts[c.path]) / float64(len(requests)); math.Abs(share/c.share-1) > 0.1 {
			t.Errorf("%s: %g of the requests", c.path, share)
		}
	}
}

func TestSpeedsScenarioKeepsItsLoadAtAnyRate(t *testing.T) {
	speeds := &scenarios[0]
	for _, rate := range []float64{50, 400} {
		mean := speeds.requestClasses(rate)[0].mean.Seconds()
		capacity := cores * (3*1. + 3*2. + 2*4.)
		if load := rate * mean / capacity; math.Abs(load-0.85) > 0.001 {
			t.Errorf("at %g requests/s the load is %g", rate, load)
		}
	}
}
