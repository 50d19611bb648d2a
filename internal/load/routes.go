package load

import (
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Routes is a table of the routes of a pool. Its size is bounded whatever clients send: requests
// for which it has no room share coarser routes. Finding a route takes no lock and does not
// allocate.
//
// It is a cache of sets, as those of processors. A route that is not known takes the place of the
// one in its set that is used least, but only once in several tries, so that a client that invents
// paths replaces its own inventions and not the routes that matter.
type Routes struct {
	sets    [setCount]atomic.Pointer[routeSet]
	methods [methodCount]Route // what all requests of one method share

	// mu guards writing all routes. A result that finds it taken is dropped: the results that are
	// left say the same, and no request waits for another.
	mu       sync.Mutex
	answers  value
	latency  value // the mean logarithm of the time to first byte over all routes
	finished value
	lasted   value // the mean logarithm of the time in flight
	last     Instant
}

type routeSet [setSize]atomic.Pointer[Route]

const (
	// A table has room for setCount * setSize = 1,024 routes of 64 bytes.
	setCount = 128
	setSize  = 8

	// methodCount is the number of coarse routes. Methods that clients invent share them.
	methodCount = 16

	// admission is how many tries a route that is not known needs on average to replace another.
	admission = 8
)

// Find returns the finest route of the key that the table knows or has room for.
func (t *Routes) Find(k Key, now Instant) *Route {
	if r := t.find(k.exact, now); r != nil {
		return r
	}
	if k.section != k.method {
		if r := t.find(k.section, now); r != nil {
			return r
		}
	}
	return &t.methods[k.method%methodCount]
}

func (t *Routes) find(key uint64, now Instant) *Route {
	set := t.sets[key%setCount].Load()
	if set == nil {
		t.sets[key%setCount].CompareAndSwap(nil, new(routeSet))
		set = t.sets[key%setCount].Load()
	}
	for i := range set {
		r := set[i].Load()
		if r == nil {
			return set.add(i, nil, key)
		}
		if r.key == key {
			return r
		}
	}
	if rand.Uint32N(admission) > 0 {
		return nil
	}
	i, least := set.least(now)
	return set.add(i, least, key)
}

// add puts a new route in a place of the set. It returns nil if another request was faster.
func (s *routeSet) add(i int, old *Route, key uint64) *Route {
	r := &Route{key: key}
	if !s[i].CompareAndSwap(old, r) {
		return nil
	}
	return r
}

// least returns the route of the set that is used least: the one of the fewest results, which count
// half after a minute.
func (s *routeSet) least(now Instant) (place int, least *Route) {
	lowest := math.Inf(1)
	for i := range s {
		r := s[i].Load()
		use := r.results.get() * decayFactor(now.Sub(Instant(r.last.Load())), usedFor)
		if use < lowest {
			place, least, lowest = i, r, use
		}
	}
	return place, least
}

const usedFor = 90 * time.Second

// observe records the result of a request, unless another one is being recorded.
func (t *Routes) observe(r *Route, now Instant, latency float64, failed bool, decay time.Duration) {
	if !t.mu.TryLock() {
		return
	}
	defer t.mu.Unlock()
	latency = max(latency, latencyFloor)
	r.observe(now, latency, failed, decay)
	if !failed {
		part := t.answers.count(now.Sub(t.last), decay)
		t.last = now
		t.latency.move(math.Log(latency), part)
	}
}

// latencyFloor is the smallest time that counts, in seconds. Its logarithm must be finite.
const latencyFloor = 1e-6

// finish records how long a request was in flight.
func (t *Routes) finish(r *Route, duration float64) {
	if !t.mu.TryLock() {
		return
	}
	defer t.mu.Unlock()
	logarithm := math.Log(max(duration, latencyFloor))
	r.lasted.move(logarithm, r.finished.countEqual())
	t.lasted.move(logarithm, t.finished.countEqual())
}

// countEqual is count for results that are no matter of recent time.
func (v *value) countEqual() (part float64) {
	n := min(v.get()+1, maxCount/10)
	v.set(n)
	return 1 / n
}

const (
	// parkedFactor and parkedMin are how much longer than usual, and how long in seconds, a request
	// must be in flight to count as parked.
	parkedFactor = 20
	parkedMin    = 1.
)

// parkedAfter returns the time in flight in seconds beyond which a request is not work.
func (t *Routes) parkedAfter() float64 {
	if t.finished.get() == 0 {
		return parkedMin
	}
	return max(parkedMin, parkedFactor*math.Exp(t.lasted.get()))
}

// Long reports whether the requests of a route are parked as a rule.
func (t *Routes) Long(r *Route) bool {
	return r.finished.get() > 0 && math.Exp(r.lasted.get()) > t.parkedAfter()
}

// Usual returns the geometric mean of the time to first byte in seconds over all routes. It is
// false if there was no answer yet.
func (t *Routes) Usual() (seconds float64, ok bool) {
	return math.Exp(t.latency.get()), t.answers.get() > 0
}
