package load

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// routeSet is a part of a table, found by the key as a set of a processor's cache is by the
// address. A route that is not known takes a free place, or that of the route in its set that is
// used least. It does the latter only once in several tries, so that a client that invents paths
// replaces its own inventions: a route that matters has more requests than they have.
type routeSet [setSize]atomic.Pointer[Route]

const (
	// A table has room for setCount * setSize = 1,024 routes. With their names they take 200 bytes
	// each, and places without a route 8.
	setCount = 128
	setSize  = 8

	// admission is how many tries a route that is not known needs on average to replace another.
	admission = 8

	// usedFor is how long the requests of a route count for it to stay in the table.
	usedFor = time.Minute
)

// find returns the route with a key. If there is none, it makes it, or returns nil if there is no
// room.
func (t *Routes) find(key uint64, now Instant, name func() string) *Route {
	place := &t.sets[key%setCount]
	set := place.Load()
	if set == nil {
		place.CompareAndSwap(nil, new(routeSet))
		set = place.Load()
	}
	free := -1
	for i := range set {
		switch r := set[i].Load(); {
		case r == nil:
			free = i
		case r.key == key:
			return r
		}
	}
	var replaced *Route
	if free < 0 {
		if rand.Uint32N(admission) > 0 {
			return nil
		}
		free, replaced = set.leastUsed(now)
	}
	r := &Route{key: key, name: name(), first: now}
	if !set[free].CompareAndSwap(replaced, r) {
		return nil // another request was faster
	}
	return r
}

// leastUsed returns the route with the fewest recent results, and its place.
func (s *routeSet) leastUsed(now Instant) (place int, least *Route) {
	fewest := math.Inf(1)
	for i := range s {
		r := s[i].Load()
		if n := r.results.get() * decayFactor(now.Sub(Instant(r.last.Load())), usedFor); n < fewest {
			place, least, fewest = i, r, n
		}
	}
	return place, least
}
