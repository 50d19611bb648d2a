package simulation

import (
	"net/http"
	"testing"
	"time"
)

// hole is a fleet of ten. For half of the time one of them answers status 500 at once, and so it
// looks like the fastest and least loaded.
var hole = scenario{
	name:     "black hole",
	seeds:    3,
	rate:     1000,
	duration: 60 * time.Second,
	deadline: 5 * time.Second,
	backends: 10,
	server:   func(int) server { return new(replay) },
	draw:     production,
	happen: func(f *fleet) {
		f.at(10*time.Second, func() {
			f.backends[0].fault.Store(&fault{after: time.Millisecond, status: http.StatusInternalServerError})
		})
		f.at(40*time.Second, func() { f.backends[0].fault.Store(nil) })
	},
	watched: []int{0},
	phases:  []window{{10 * time.Second, 40 * time.Second}, {55 * time.Second, 60 * time.Second}},
	check: func(t *testing.T, m measured) {
		m.between(t, "round_robin", failures, .049, .051) // half of the time one of ten
		m.atMost(t, "adaptive_latency", failures, .0002)
	},
}
