package dns

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
)

const (
	// rotationWindow is the number of answers that are compared to recognise a rotation.
	rotationWindow = 30

	// rotationSwaps is how many of them must have replaced endpoints by others that were there
	// before.
	rotationSwaps = 3

	// wholeAnswers is how many answers in a row without a missing endpoint end a rotation.
	wholeAnswers = 100

	// lostByChance is the chance that an endpoint that is still there counts as gone, for all
	// endpoints together.
	lostByChance = 1e-6

	// maxSightings is the maximum number of endpoints that are remembered.
	maxSightings = 10000
)

// rotation recognises a name of which each answer is a random part, and makes whole lists of such
// answers. Cloud Map answers with 8 addresses of any number, and Consul with as many as fit into a
// datagram.
//
// What shows a rotation is that endpoints are replaced by others that were there before, again and
// again. A rolling restart does that too, but each endpoint is missing once only.
type rotation struct {
	mode string        // auto, on or off
	keep time.Duration // how long an unseen endpoint stays; 0 is as many answers as chance demands

	rotating bool
	answers  int // the number of answers so far
	size     int // of the answer before
	whole    int // how many answers in a row had all endpoints
	swaps    []swap
	seen     map[string]*sighting // by address
	dropped  map[string]*sighting // by key and reason
}

// sighting is an endpoint or a dropped entry, and the answer that named it last.
type sighting struct {
	discovery.Endpoint
	discovery.Dropped
	at       time.Time
	answer   int
	returned int // how often it has come back
}

// swap is an answer that replaced endpoints by others that were there before.
type swap struct {
	answer int
	half   bool // it replaced half of them at least
}

// apply completes an answer with the endpoints that it lacks only by chance.
func (r *rotation) apply(a *discovery.Answer, now time.Time) {
	if r.mode == "off" || len(a.Endpoints) == 0 || len(a.Endpoints) > maxSightings {
		*r = rotation{mode: r.mode, keep: r.keep}
		return
	}
	if r.seen == nil {
		r.seen, r.dropped = make(map[string]*sighting), make(map[string]*sighting)
	}
	r.answers++
	r.observe(a.Endpoints, now)
	r.rotating = r.mode == "on" || (r.rotating || r.isRotation()) && r.whole < wholeAnswers
	r.forget(len(a.Endpoints), now)
	r.size = len(a.Endpoints)
	if !r.rotating {
		clear(r.dropped)
		return
	}
	for _, d := range a.Dropped {
		r.dropped[d.Key+" "+d.Err.Error()] = &sighting{Dropped: d, at: now, answer: r.answers}
	}
	a.Endpoints, a.Dropped = nil, nil
	for _, address := range slices.Sorted(maps.Keys(r.seen)) {
		a.Endpoints = append(a.Endpoints, r.seen[address].Endpoint)
	}
	for _, text := range slices.Sorted(maps.Keys(r.dropped)) {
		a.Dropped = append(a.Dropped, r.dropped[text].Dropped)
	}
}

// observe compares an answer with those before.
func (r *rotation) observe(list []discovery.Endpoint, now time.Time) {
	missing, returned := r.size, 0
	for _, e := range list {
		s := r.seen[e.Address]
		switch {
		case s == nil:
			s = new(sighting)
			r.seen[e.Address] = s
		case s.answer == r.answers-1:
			missing--
		default:
			s.returned++
			returned++
		}
		s.Endpoint, s.at, s.answer = e, now, r.answers
	}
	if missing > 0 && returned > 0 && len(list) == r.size {
		r.swaps = append(r.swaps, swap{r.answers, missing*2 >= r.size})
	}
	r.swaps = slices.DeleteFunc(r.swaps, func(s swap) bool { return s.answer <= r.answers-rotationWindow })
	if r.whole++; len(list) < len(r.seen) {
		r.whole = 0
	}
}

// isRotation reports whether the answers so far are parts of a larger set.
func (r *rotation) isRotation() bool {
	halves, again := 0, 0
	for _, s := range r.swaps {
		if s.half {
			halves++
		}
	}
	for _, s := range r.seen {
		if s.returned > 1 {
			again++
		}
	}
	return halves >= rotationSwaps || len(r.swaps) >= rotationSwaps && again > 1
}

// forget removes what was not seen for too long. size is that of the newest answer.
func (r *rotation) forget(size int, now time.Time) {
	limit := rotationWindow
	if r.rotating {
		limit = answersUntilGone(size, len(r.seen))
	}
	gone := func(s *sighting, limit int) bool {
		if r.rotating && r.keep > 0 {
			return now.Sub(s.at) >= r.keep
		}
		return r.answers-s.answer >= limit
	}
	maps.DeleteFunc(r.seen, func(_ string, s *sighting) bool { return gone(s, limit) })
	maps.DeleteFunc(r.dropped, func(_ string, s *sighting) bool { return gone(s, max(limit, rotationWindow)) })
	forgetOldest(r.seen)
	forgetOldest(r.dropped)
}

// answersUntilGone returns how many answers in a row must lack an endpoint until it is gone, if
// each answer is a random part of that size.
func answersUntilGone(part, all int) int {
	if part >= all {
		return 1
	}
	missed := 1 - float64(part)/float64(all) // the chance that one answer lacks it
	return int(math.Ceil(math.Log(lostByChance/float64(all)) / math.Log(missed)))
}

// forgetOldest keeps the memory bounded, whatever a server sends.
func forgetOldest(sightings map[string]*sighting) {
	excess := len(sightings) - maxSightings
	if excess <= 0 {
		return
	}
	oldest := slices.SortedFunc(maps.Keys(sightings), func(a, b string) int {
		return cmp.Or(cmp.Compare(sightings[a].answer, sightings[b].answer), cmp.Compare(a, b))
	})
	for _, key := range oldest[:excess] {
		delete(sightings, key)
	}
}
