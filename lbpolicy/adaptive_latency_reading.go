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
	penalty alarmCost

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
func normOf(readings []load.Reading, room []float64, p alarmCost) norm {
	n := norm{mean: 1, penalty: p, age: 1}
	var sum, certainty, age, alarms, overdue float64
	for i := range readings {
		r := &readings[i]
		sum += r.Relative * r.Certainty
		certainty += r.Certainty
		age, alarms, overdue = max(age, r.Age), max(alarms, r.Alarms), max(overdue, r.Overdue)
	}
	if certainty > 0 {
		n.mean = sum / certainty
	}
	if age > 1 {
		n.age = max(1, median(readings, room, func(r load.Reading) float64 { return r.Age }))
	}
	if alarms > 0 {
		n.alarms = median(readings, room, func(r load.Reading) float64 { return r.Alarms })
	}
	if overdue > 0 {
		n.overdue = median(readings, room, func(r load.Reading) float64 { return r.Overdue })
	}
	return n
}

// median returns the median of a number of each reading, of two the lower one. A function of
// pointers would move the readings to the heap.
func median(readings []load.Reading, room []float64, of func(load.Reading) float64) float64 {
	for i := range readings {
		room[i] = of(readings[i])
	}
	slices.Sort(room)
	return room[(len(room)-1)/2]
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
	sick := 0.
	if r.Alarms > n.alarms {
		sick = n.penalty.of(r.Alarms - n.alarms)
	}
	return expectation{float32(relative), float32(sick), r.Certainty == 0, r.Partial}
}

// assumedLatency is the usual time to first byte in seconds before the first answer.
const assumedLatency = .1

// alarmCost is what an alarm adds to the expected time in the pool that has a table of routes.
type alarmCost struct {
	table *load.Routes // may be nil
	time  time.Duration
}

// of returns what alarms add to a relative time.
func (p alarmCost) of(alarms float64) float64 {
	usual := assumedLatency
	if p.table != nil {
		if seconds, ok := p.table.Usual(); ok {
			usual = seconds
		}
	}
	return alarms * p.time.Seconds() / usual
}
