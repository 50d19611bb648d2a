package main

import (
	"hash/fnv"
	"math/rand/v2"
	"time"
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
	interval := float64(time.Second) / o.rate
	for at := 0.0; ; {
		at += rng.ExpFloat64() * interval
		if at >= float64(o.duration) {
			return requests
		}
		c := choose(classes, rng.Float64())
		requests = append(requests, request{
			at: time.Duration(at), class: c, parked: c.parked,
			work: c.base + time.Duration(rng.ExpFloat64()*float64(c.mean)),
		})
	}
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
