package lbpolicy

import (
	"math"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

const (
	// noise is the relative difference from the mean below which times count as equal. Differences
	// below a fifth are mostly noise, and the requests in flight say more than they do.
	noise = 0.2

	// ordinary is the square of the coefficient of variation that needs no correction: that of
	// exponential times. What chance adds there is below noise, or the requests in flight outweigh
	// it.
	ordinaryX = 1

	// relativeFloor is the minimum of an expected time. The cost of an endpoint with an expected
	// time of 0 would be 0 for any number of requests in flight.
	relativeFloor = 1e-3
)

var ordinary = func() float64 {
	if f, err := strconv.ParseFloat(os.Getenv("ORD"), 64); err == nil {
		return f
	}
	return 1
}()

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

// norm is what the members of a pool have in common.
type norm struct {
	mean     float64 // of their relative times
	variance float64 // of what they really differ from it, without what chance adds
	excess   float64 // how much more than ordinary the time of answers varies
	age      float64 // the median of the lower bounds by age, at least 1
	penalty  float64 // what an alarm adds to a relative time
}

// normOf returns the norm of readings, each of which counts as far as it is certain. The variance of
// what is measured is that of the real differences and that of chance together (empirical Bayes,
// Efron and Morris, 1975).
func normOf(readings []load.Reading, penalty float64) norm {
	var certainty, sum, squares, chance, variation float64
	var ages [compareAll]float64
	for i := range readings {
		r := &readings[i]
		certainty += r.Certainty
		sum += r.Certainty * r.Relative
		squares += r.Certainty * r.Relative * r.Relative
		chance += r.Certainty * r.Chance
		variation += r.Certainty * r.Variation
		ages[i] = r.AtLeast
	}
	slices.Sort(ages[:len(readings)])
	age := 1.
	if os.Getenv("MED") != "0" {
		age = max(1, ages[(len(readings)-1)/2])
	}
	if certainty == 0 {
		return norm{mean: 1, age: age, penalty: penalty}
	}
	mean := sum / certainty
	excess := max(variation/certainty-ordinary, 0)
	return norm{mean, max(squares/certainty-mean*mean-excess*chance/certainty, 0), excess, age, penalty}
}

// expect returns what is expected of a load. A difference counts as far as it is real rather than
// chance. The part of it that is uncertain because it is old counts as none, so that an endpoint
// that was slow is tried again, and one that was fast is not flooded after a pause.
func (n *norm) expect(r *load.Reading) expectation {
	difference := r.Relative - n.mean
	if chance := n.excess * r.Chance; chance > 0 {
		difference *= n.variance / (n.variance + chance)
	}
	if math.Abs(difference) < noise*n.mean {
		difference = 0
	}
	relative := max(n.mean+difference*r.Certainty, r.AtLeast/n.age, relativeFloor)
	return expectation{float32(relative), float32(r.Alarms * n.penalty), r.Certainty == 0, r.Partial}
}

// usualUnknown is the usual time in seconds before the first answer.
const usualUnknown = .1

// penaltyOf returns an error penalty relative to the usual time of a pool.
func penaltyOf(routes *load.Routes, penalty time.Duration) float64 {
	usual := usualUnknown
	if routes != nil {
		if seconds, ok := routes.Usual(); ok {
			usual = seconds
		}
	}
	return penalty.Seconds() / usual
}
