package main

import (
	"net/http"
	"slices"
	"time"
)

// scenario says what the backends are and what the requests are.
type scenario struct {
	name    string
	about   string // what happens in it, for the reader of the table
	speeds  []float64
	classes []class
	load    float64          // of all cores; sets the work of the classes if it is not 0
	fault   http.HandlerFunc // how the first backend answers in the middle of the run
}

// class is one kind of requests.
type class struct {
	path   string
	share  float64
	base   time.Duration // the least work of a request
	mean   time.Duration // of the exponential work beyond that
	parked bool          // waits without a core
}

// cores is the number of requests that a backend works on at the same time.
const cores = 4

// A fault lasts from 30 to 65 % of the run. What comes before shows the usual, and what comes after
// shows how long the fault is remembered.
const (
	faultBegins = 0.30
	faultEnds   = 0.65
)

var (
	alike = []float64{1, 1, 1, 1, 1, 1, 1, 1}

	// Pages take about 20 ms, as many a backend with a database does.
	pages = []class{{path: quickPath, share: 1, mean: 20 * time.Millisecond}}

	scenarios = []scenario{
		{
			name:   "speeds",
			about:  "Of eight backends, two are four times and three are twice as fast as the rest, at a load of 85 %.",
			speeds: []float64{1, 1, 1, 2, 2, 2, 4, 4}, classes: pages, load: 0.85,
		},
		{
			name:   "slow",
			about:  "One of eight backends takes 2 s for a third of the time.",
			speeds: alike, classes: pages, fault: slow,
		},
		{
			name:   "hang",
			about:  "One of eight backends accepts requests and never answers for a third of the time.",
			speeds: alike, classes: pages, fault: hang,
		},
		{
			name:   "errors",
			about:  "One of eight backends answers 500 in a millisecond for a third of the time.",
			speeds: alike, classes: pages, fault: fail,
		},
		{
			name:   "mixed",
			about:  "95 % of the requests take 5 ms, 4 % are reports of 150 ms and more, 1 % are long polls of 6 s.",
			speeds: alike,
			classes: []class{
				{path: quickPath, share: 0.95, mean: 5 * time.Millisecond},
				{path: "/report", share: 0.04, base: 150 * time.Millisecond, mean: 150 * time.Millisecond},
				{path: "/poll", share: 0.01, base: 6 * time.Second, parked: true},
			},
		},
	}

	// undisturbed shows what the machine adds. It needs no proxy, because its backends hardly ever
	// queue: 400 requests/s of 5 ms keep 2 of 32 cores busy.
	undisturbed = scenario{
		name:    "no proxy",
		speeds:  alike,
		classes: []class{{path: quickPath, share: 1, mean: 5 * time.Millisecond}},
	}
)

// quickPath is the path of the requests whose latencies the table shows.
const quickPath = "/quick"

// requestClasses returns the classes, with the work that makes the scenario's load at a rate.
func (s *scenario) requestClasses(rate float64) []class {
	if s.load == 0 {
		return s.classes
	}
	capacity := 0.0
	for _, speed := range s.speeds {
		capacity += cores * speed
	}
	scaled := slices.Clone(s.classes)
	for i := range scaled {
		scaled[i].mean = time.Duration(s.load * capacity / rate * float64(time.Second))
	}
	return scaled
}
