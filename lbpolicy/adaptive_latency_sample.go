package lbpolicy

import "github.com/caddy-balance/caddy-balance/internal/load"

// leastOfSample picks the endpoint of least cost in a random sample, for pools in which comparing
// all endpoints would take too long.
type leastOfSample struct {
	*leastCost
	*sampler
	size int
}

const (
	// compareAll is the largest number of endpoints that are all compared. That takes a microsecond
	// or two, and in pools that small a sample would balance worse.
	compareAll = 128

	// maxChoices is the largest sample. A larger one gains next to nothing, and does not fit on the
	// stack.
	maxChoices = 32

	// sampleSize is the default sample. A sample of 8 misses the better half of a pool in 0.4 % of
	// the picks and the best tenth in 43 %; a sample of two would miss them in 25 % and 81 %.
	sampleSize = 8
)

func (l *leastOfSample) pick(c candidates) int {
	for range maxReserveTries {
		i := l.cheapestOf(&c)
		if i < 0 {
			break
		}
		if c.reserve(i, 0) {
			return i
		}
	}
	return c.reserveAny()
}

// cheapestOf returns the cheapest member of a new sample. A small sample has room of its own,
// because clearing that of the largest one takes as long as comparing a small one.
func (l *leastOfSample) cheapestOf(c *candidates) int {
	if l.size <= sampleSize {
		var readings [sampleSize]load.Reading
		return l.cheapestIn(c, readings[:])
	}
	var readings [maxChoices]load.Reading
	return l.cheapestIn(c, readings[:])
}

// cheapestIn is cheapestOf with room for the readings of a sample.
func (l *leastOfSample) cheapestIn(c *candidates, readings []load.Reading) int {
	var drawn [maxChoices]int32
	var room [maxChoices]float64
	l.drawSample(l.members, drawn[:l.size])
	n := 0
	for _, i := range drawn[:l.size] {
		if c.usable(int(i)) {
			drawn[n], readings[n] = i, l.members[i].Load.Read(c.now, l.decay)
			n++
		}
	}
	route := c.attempts.Route(l.members[0].Endpoint, c.now)
	norm := normOf(readings[:n], room[:n], alarmCost{route.Table, l.penalty})
	best := cheapest{member: -1}
	for j := range n {
		i := int(drawn[j])
		// The lots are equal, because the sample is drawn by weight already.
		best.add(i, l.cost(i, norm.expect(&readings[j]), norm.overdue, &route, c.now), 1)
	}
	return best.member
}
