package simulation

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// arrival is a request and when it comes.
type arrival struct {
	at     time.Duration
	drawn  time.Duration
	proxy  int
	key    uint64 // what the request is for
	kind   *kind
	method string
	path   string
	luck   float64 // from 0 to 1; a request below the share of failures fails

	visitor *visitor // whose session it belongs to; nil if it belongs to none
	backend int      // that it was sent to last
}

// fails reports whether the answer is an error wherever the request goes.
func (a *arrival) fails() bool { return a.luck < a.kind.fails }

// arrivalKey is the context key of the arrival that a request belongs to.
type arrivalKey struct{}

func withArrival(ctx context.Context, a *arrival) context.Context {
	return context.WithValue(ctx, arrivalKey{}, a)
}

func arrivalOf(ctx context.Context) *arrival { return ctx.Value(arrivalKey{}).(*arrival) }

// arrivals draws the load of a run. It is a Poisson process, the sum of many independent clients.
func (s *scenario) arrivals(seed uint64) []arrival {
	switch {
	case s.traffic != nil:
		return s.mixedArrivals(seed)
	case s.sessions != nil:
		return s.sessionArrivals(seed)
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	keys := rand.NewZipf(rng, 1.2, 1, 9999)
	var all []arrival
	for at := gap(rng, s.rate); at < s.duration; at += gap(rng, s.rate) {
		all = append(all, arrival{
			at: at, drawn: s.draw(rng), proxy: rng.IntN(s.proxyCount()), key: keys.Uint64(),
			kind: &sameRequest, method: "GET", path: "/", luck: 1,
		})
	}
	return all
}

// mixedArrivals draws each kind of traffic by itself, so that another kind does not change the
// requests of the first.
func (s *scenario) mixedArrivals(seed uint64) (all []arrival) {
	for i := range s.traffic {
		k := &s.traffic[i]
		rng := rand.New(rand.NewPCG(seed, 100+uint64(i)))
		until := s.duration
		if k.until > 0 {
			until = k.until
		}
		for at := k.since + gap(rng, k.rate); at < until; at += gap(rng, k.rate) {
			all = append(all, k.arrival(rng, at, rng.IntN(s.proxyCount())))
		}
	}
	slices.SortFunc(all, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
	return all
}

// gap draws the time between two requests of a Poisson process.
func gap(rng *rand.Rand, rate float64) time.Duration {
	return time.Duration(rng.ExpFloat64() / rate * float64(time.Second))
}
