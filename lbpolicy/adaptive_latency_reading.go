package lbpolicy

import (
	"math"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

const (
	// noise is the relative difference from the mean below which times count as equal. Differences
	// below a fifth are mostly noise, and the requests in flight say more than they do.
	noise = 0.2

	// standardErrors is the number of standard errors below which a difference from the mean counts as
	// none.
	standardErrors = 2

	// relativeFloor is the minimum of an expected time. The cost of an endpoint with an expected
	// time of 0 would be 0 for any number of requests in flight.
	relativeFloor = 1e-3
)

// expectation is how soon an answer is expected of a member with no requests in flight, relative to
// what is usual in the pool.
type expectation struct {
	relative float32
	sick     float32 // what is added because of failures
	unknown  bool    // there was no answer lately
}

// packed returns the expectation as one word. The flag is in the sign, as relative is positive.
func (e expectation) packed() uint64 {
	if e.unknown {
		e.relative = -e.relative
	}
	return uint64(math.Float32bits(e.relative))<<32 | uint64(math.Float32bits(e.sick))
}

func unpacked(bits uint64) expectation {
	e := expectation{relative: math.Float32frombits(uint32(bits >> 32)), sick: math.Float32frombits(uint32(bits))}
	if e.relative < 0 {
		e.relative, e.unknown = -e.relative, true
	}
	return e
}

// expect returns what is expected of a load, given the mean of all endpoints and the penalty of an
// alarm. The uncertain part of a reading counts as average, so that an endpoint that was slow is
// tried again, and one that was fast is not flooded after a pause.
func expect(r *load.Reading, mean, penalty float64) expectation {
	difference := r.Relative - mean
	if math.Abs(difference) < max(noise*mean, standardErrors*r.Error) {
		difference = 0
	}
	relative := max(mean+difference*r.Certainty, r.AtLeast, relativeFloor)
	return expectation{float32(relative), float32(r.Alarms * penalty), r.Certainty == 0}
}

// meanRelative returns the mean of the readings, each weighted by its certainty.
func meanRelative(readings []load.Reading) float64 {
	var sum, certainty float64
	for i := range readings {
		sum += readings[i].Relative * readings[i].Certainty
		certainty += readings[i].Certainty
	}
	if certainty == 0 {
		return 1
	}
	return sum / certainty
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
