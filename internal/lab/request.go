package main

import (
	"hash/fnv"
	"math/rand/v2"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/arrivals"
)

// request is one request of a run.
type request struct {
	at     time.Duration // of its arrival, from the begin of the run
	class  *class
	work   time.Duration
	parked bool
}

// deadline is how long a client waits for an answer to a request that is not parked.
const deadline = 5 * time.Second

// limit returns how long the client waits.
func (r *request) limit() time.Duration {
	if r.parked {
		return r.work + deadline
	}
	return deadline
}

// draw returns the requests of one round of a scenario. It returns the same ones for each proxy.
func draw(s *scenario, o *options, round int) []request {
	name := fnv.New64a()
	name.Write([]byte(s.name))
	rng := rand.New(rand.NewPCG(o.seed, name.Sum64()+uint64(round)))
	classes := s.requestClasses(o.rate)

	var requests []request
	for at := range arrivals.Poisson(rng, o.rate) {
		if at >= o.duration {
			break
		}
		c := choose(classes, rng.Float64())
		requests = append(requests, request{
			at: at, class: c, parked: c.parked,
			work: c.base + time.Duration(rng.ExpFloat64()*float64(c.mean)),
		})
	}
	return requests
}

// choose returns the class at a point between 0 and 1 of the shares.
func choose(classes []class, point float64) *class {
	for i := range classes {
		if point -= classes[i].share; point < 0 {
			return &classes[i]
		}
	}
	return &classes[len(classes)-1] // the shares add up to 1 but for rounding
}
