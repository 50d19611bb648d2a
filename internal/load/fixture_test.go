package load

import (
	"math"
	"testing"
	"time"
)

const decay = 10 * time.Second

// second is one second of the clock. The tests choose all instants themselves.
const second = Instant(time.Second)

// at returns the instant this long after the start of the clock.
func at(d time.Duration) Instant { return Instant(d) }

// near reports whether two numbers differ by at most one percent.
func near(got, want float64) bool { return math.Abs(got-want) <= .01*math.Abs(want) }

func wantNear(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !near(got, want) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// skipIfShort skips tests of a single goroutine that need many results. They take minutes with the
// race detector.
func skipIfShort(t *testing.T) {
	if testing.Short() {
		t.Skip("needs many results")
	}
}

// pool is some endpoints that answer in turn, one request after another.
type pool struct {
	Routes
	endpoints []Load
	now       Instant
	gap       Instant // between two results
}

// newPool returns a pool whose endpoints get 100 requests a second each.
func newPool(endpoints int) *pool {
	return &pool{endpoints: make([]Load, endpoints), now: second, gap: second / Instant(100*endpoints)}
}

func (p *pool) route(path string) *Route {
	k := KeyOf(Plain, "GET", path)
	return p.Find(&k, p.now)
}

// send begins a request now.
func (p *pool) send(endpoint int, r *Route) *Request {
	request := new(Request)
	p.endpoints[endpoint].Begin(request, &p.Routes, r, p.Parked(r), p.now)
	return request
}

// result lets time pass, and ends a request that took this long.
func (p *pool) result(endpoint int, r *Route, took time.Duration, result Result) Comparison {
	p.now += p.gap
	var request Request
	l := &p.endpoints[endpoint]
	l.Begin(&request, &p.Routes, r, p.Parked(r), p.now-at(took))
	c, _ := l.Conclude(&request, p.now, result, decay)
	l.End(&request, p.now, decay)
	return c
}

func (p *pool) answer(endpoint int, r *Route, took time.Duration) {
	p.result(endpoint, r, took, Answered)
}

// answers lets the endpoints answer n requests in turn.
func (p *pool) answers(n int, r *Route, took func(endpoint int) time.Duration) {
	for i := range n {
		e := i % len(p.endpoints)
		p.answer(e, r, took(e))
	}
}

func (p *pool) read(endpoint int) Reading { return p.endpoints[endpoint].Read(p.now, decay) }

// alarms returns how many alarms there are for any route.
func (p *pool) alarms(endpoint int) float64 {
	return max(p.read(endpoint).Alarms, p.endpoints[endpoint].RouteAlarms(nil, p.now, decay))
}

// always is how long the answers of endpoints take that are all alike.
func always(d time.Duration) func(int) time.Duration {
	return func(int) time.Duration { return d }
}
