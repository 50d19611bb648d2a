package lbpolicy

import (
	"math"
	"math/rand/v2"
	"time"
)

const (
	// Up to this many endpoints are compared: 128 take about as long as the rest of the pick
	// of a request, and a sample makes a difference in pools that small.
	maxChoices = 128
	// A sample of 8 misses the better half of a pool in 0.4 % of the picks and the best
	// tenth in 43 %; two would do so in 25 % and 81 %.
	sampleSize = 8
	// Clearing room for 128 on the stack takes longer than comparing 10.
	fewChoices = 16

	// A difference to the average below a fifth is noise as often as not. Following it does
	// harm: the requests in flight say more.
	noise = 0.2
	// Requests wait for half their time on average, so a mean age of more than half of what
	// is expected says that they will take longer. This is the share of it that counts:
	// among few requests the age of one that is merely large would count too much.
	ageShare = 0.5
	// 0 times any number of requests in flight would still be 0.
	latencyFloor = 10e-6
)

// leastCost picks the endpoint of least cost, among all or among a sample.
type leastCost struct {
	decay   time.Duration
	choices int      // how many to sample
	sampler *sampler // nil to compare all
}

// glance is what the comparison needs of one member.
type glance struct {
	index     int
	latency   float64 // seconds to the first byte, as estimated
	certainty float64 // how much of the estimate counts
	atLeast   float64 // seconds, by the age of what waits there
	penalty   float64 // seconds, for failures
	inFlight  float64
	weight    float64
	lots      float64 // in the draw among equals
}

func (l *leastCost) pick(c candidates) int {
	for range 3 { // a place may be lost to another request between looking and taking
		i := l.compare(&c)
		if i < 0 {
			break
		}
		if c.take(i, 0) {
			return i
		}
	}
	return c.takeAny()
}

func (l *leastCost) compare(c *candidates) int {
	if len(c.members) <= fewChoices {
		var room [fewChoices]glance
		return cheapest(l.look(c, room[:0]))
	}
	var room [maxChoices]glance
	return cheapest(l.look(c, room[:0]))
}

// look appends glances of the usable ones of all members, or of a sample.
func (l *leastCost) look(c *candidates, seen []glance) []glance {
	if l.sampler == nil {
		for i := range c.members {
			if c.usable(i) {
				seen = append(seen, l.glance(c, i))
			}
		}
		return seen
	}
	for range l.choices {
		if i := l.sampler.draw(); c.usable(i) {
			seen = append(seen, l.glance(c, i))
		}
	}
	return seen
}

func (l *leastCost) glance(c *candidates, i int) glance {
	m := &c.members[i]
	g := glance{index: i, penalty: m.Load.Penalty(c.now, l.decay)}
	g.latency, g.certainty = m.Load.Latency(c.now, l.decay)
	waiting, age := m.Load.Waiting(c.now)
	g.atLeast = age.Seconds() * ageShare
	g.inFlight = float64(m.InFlight())
	if g.certainty == 0 && waiting > 0 {
		// Unknown, and being tried: what the first answer takes is worth waiting for.
		g.inFlight *= g.inFlight + 1
	}
	g.weight, g.lots = float64(m.Weight), float64(m.Weight)
	if l.sampler != nil {
		g.lots = 1 // the sample is in proportion to the weights already
	}
	return g
}

// cheapest is the index of the glance of least cost; equals draw lots.
func cheapest(seen []glance) int {
	latency, weight := means(seen)
	best, least, lots := -1, 0.0, 0.0
	for i := range seen {
		g := &seen[i]
		// Weight is room for requests at the same time: with none in flight, it makes no
		// difference to how soon an answer comes.
		switch cost := g.expected(latency) * (1 + g.inFlight*weight/g.weight); {
		case best < 0 || cost < least:
			best, least, lots = g.index, cost, g.lots
		case cost == least:
			if lots += g.lots; rand.Float64()*lots < g.lots {
				best = g.index
			}
		}
	}
	return best
}

// expected is how many seconds an answer is expected to take, given the mean of all.
// What is not certain is taken to be average: an endpoint that was slow gets another look,
// and one that was fast is not flooded after a rest.
func (g *glance) expected(mean float64) float64 {
	difference := g.latency - mean
	if math.Abs(difference) < noise*mean {
		difference = 0
	}
	return max(mean+difference*g.certainty, g.atLeast, latencyFloor) + g.penalty
}

// means are the mean of the estimates, each counted for as much as it is certain, and the
// mean weight.
func means(seen []glance) (latency, weight float64) {
	var sum, certainty float64
	for i := range seen {
		sum += seen[i].latency * seen[i].certainty
		certainty += seen[i].certainty
		weight += seen[i].weight
	}
	if certainty > 0 {
		latency = sum / certainty
	}
	return latency, weight / float64(len(seen))
}
