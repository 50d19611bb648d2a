package simulation

import (
	"math"
	"math/rand/v2"
	"net/http"
	"time"
)

// databaseDown has a database that is down for five seconds. Every endpoint answers 500 to all
// requests of one route, and serves the other. A policy that takes the failures for a sign of a
// sick endpoint finds one endpoint after the other sick, and sends the other route to those that
// are left. What fails everywhere says nothing of any endpoint, so the threshold is that of no
// harm.
var databaseDown = everydayScenario("a database is down", 20*time.Second, []kind{
	{rate: 500, request: get("/page"), work: exponential(20 * time.Millisecond)},
	{rate: 500, request: get("/cart"), work: exponential(20 * time.Millisecond), unmeasured: true},
}, harmless).with(func(s *scenario) {
	s.happen = func(f *fleet) {
		down := &fault{after: 2 * time.Millisecond, status: http.StatusInternalServerError, path: "/cart", share: 1}
		f.at(8*time.Second, func() { f.breakAll(down) })
		f.at(13*time.Second, func() { f.breakAll(nil) })
	}
})

func (f *fleet) breakAll(with *fault) {
	for _, b := range f.backends {
		b.fault.Store(with)
	}
}

// fewRequests is ten machines with one worker each and twenty requests per second, a fifth of which
// are reports that take 300 ms on average and much longer at times. Each endpoint gets two requests
// per second, so that hardly anything is known of it. A policy that believes the last few answers
// queues requests behind a report while others are idle.
var fewRequests = everydayScenario("few requests", 60*time.Second, []kind{
	{rate: 16, request: get("/api/items"), work: exponential(20 * time.Millisecond)},
	{rate: 4, request: get("/api/report"), work: lognormal(300*time.Millisecond, 1.5), unmeasured: true},
}, harmless).with(func(s *scenario) {
	s.server = func(int) server { return newWorkers(1, 1) }
	s.deadline = 60 * time.Second
})

// lognormal draws times with this mean, whose logarithms have this standard deviation.
func lognormal(mean time.Duration, deviation float64) func(*rand.Rand) time.Duration {
	shift := math.Log(float64(mean)) - deviation*deviation/2
	return func(r *rand.Rand) time.Duration { return time.Duration(math.Exp(shift + deviation*r.NormFloat64())) }
}
