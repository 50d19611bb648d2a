package lbpolicy

import (
	"math"
	"slices"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

const (
	// noise is the relative difference from the mean below which times count as equal. Differences
	// below a fifth are mostly noise, and the requests in flight say more than they do.
	noise = 0.2

	// minRelative is the minimum of an expected time. The cost of an endpoint with an expected time
	// of 0 would be 0 for any number of requests in flight.
	minRelative = 1e-3
)

// expectation is how soon an answer is expected of a member with no requests in flight, relative to
// what is usual in the pool.
type expectation struct {
	relative float32
	sick     float32 // what is added because of failures
	unknown  bool    // there was no answer lately
	partial  bool    // requests of some routes fail
}

// packed returns the expectation as one word. The flags are in the signs.
func (e expectation) packed() uint64 {
	if e.unknown {
		e.relative = -e.relative
	}
	if e.partial {
		e.sick = -1 - e.sick
	}
	return uint64(math.Float32bits(e.relative))<<32 | uint64(math.Float32bits(e.sick))
}

func unpacked(bits uint64) expectation {
	e := expectation{relative: math.Float32frombits(uint32(bits >> 32)), sick: math.Float32frombits(uint32(bits))}
	if e.relative < 0 {
		e.relative, e.unknown = -e.relative, true
	}
	if e.sick < 0 {
		e.sick, e.partial = -1-e.sick, true
	}
	return e
}

// norm is what the members have in common.
type norm struct {
	mean    float64 // of their relative times, each as far as it is certain
	penalty float64 // what an alarm adds to a relative time

	// What half of the members have says nothing of one of them: these are medians.
	age     float64 // of what waits, 1 at least
	alarms  float64
	overdue float64
}

// normOf returns the norm of readings. room is for as many numbers.
//
// Where most members have old requests, those are of a kind that takes long. Otherwise a pool whose
// first answers are the quick ones would avoid each endpoint that gets a slow request. Where most
// fail, what they all need is down.
func normOf(readings []load.Reading, room []float64, penalty float64) norm {
	n := norm{mean: 1, penalty: penalty}
	var sum, certainty float64
	for i := range readings {
		sum += readings[i].Relative * readings[i].Certainty
		certainty += readings[i].Certainty
	}
	if certainty > 0 {
		n.mean = sum / certainty
	}
	n.age = median(readings, room, 1, func(r load.Reading) float64 { return r.Age })
	n.alarms = median(readings, room, 0, func(r load.Reading) float64 { return r.Alarms })
	n.overdue = median(readings, room, 0, func(r load.Reading) float64 { return r.Overdue })
	return n
}

// median returns the median of a number of each reading, of two the lower one, and least at least.
// It sorts only if any of the numbers is more than that, which is rare. A function of pointers
// would move the readings to the heap.
func median(readings []load.Reading, room []float64, least float64, of func(load.Reading) float64) float64 {
	small := true
	for i := range readings {
		room[i] = of(readings[i])
		small = small && room[i] <= least
	}
	if small {
		return least
	}
	slices.Sort(room)
	return max(least, room[(len(room)-1)/2])
}

// expect returns what is expected of a member. The uncertain part of a reading counts as average,
// so that an endpoint that was slow is tried again, and one that was fast is not flooded after a
// pause. If what waits there is older than usual, it counts instead, so that a hung endpoint is
// noticed before anything completes.
func (n *norm) expect(r *load.Reading) expectation {
	difference := r.Relative - n.mean
	if math.Abs(difference) < noise*n.mean {
		difference = 0
	}
	relative := max(n.mean+difference*r.Certainty, r.Age/n.age, minRelative)
	sick := max(r.Alarms-n.alarms, 0) * n.penalty
	return expectation{float32(relative), float32(sick), r.Certainty == 0, r.Partial}
}

// assumedLatency is the usual time to first byte in seconds before the first answer.
const assumedLatency = .1

// penaltyOf returns the penalty of an alarm relative to the usual latency of a pool.
func penaltyOf(table *load.Routes, penalty time.Duration) float64 {
	usual := assumedLatency
	if table != nil {
		if seconds, ok := table.Usual(); ok {
			usual = seconds
		}
	}
	return penalty.Seconds() / usual
}
