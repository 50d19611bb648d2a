package load

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// times are distributions of the time to first byte. Of some, much is so near a third of the mean
// that a small error of the mean looks like a change. An alarm that an endpoint is faster leaves it
// at the usual speed, so that false ones do little harm.
var times = []struct {
	name   string
	next   func(*rand.Rand) time.Duration
	atEdge bool
}{
	{name: "constant", next: func(*rand.Rand) time.Duration { return 5 * time.Millisecond }},
	{name: "exponential", next: func(r *rand.Rand) time.Duration { return time.Duration(r.ExpFloat64() * 5e6) }},
	{name: "3 % take 100 times as long", next: func(r *rand.Rand) time.Duration { return bimodal(r, .03, 500) }},
	{name: "10 % take 100 times as long", next: func(r *rand.Rand) time.Duration { return bimodal(r, .1, 500) }},
	{name: "half take 10 times as long", next: func(r *rand.Rand) time.Duration { return bimodal(r, .5, 50) }},
	{name: "half take 5 times as long", next: func(r *rand.Rand) time.Duration { return bimodal(r, .5, 25) }, atEdge: true},
	{name: "Pareto of 1.5", next: func(r *rand.Rand) time.Duration { return pareto(r, 1.5) }},
	{name: "Pareto of 1.1", next: func(r *rand.Rand) time.Duration { return pareto(r, 1.1) }, atEdge: true},
}

// bimodal returns 5 ms, or with some probability as many as long.
func bimodal(r *rand.Rand, share float64, long time.Duration) time.Duration {
	if r.Float64() < share {
		return long * time.Millisecond
	}
	return 5 * time.Millisecond
}

func pareto(r *rand.Rand, exponent float64) time.Duration {
	return time.Duration(5e6 * math.Pow(1-r.Float64(), -1/exponent))
}

// restarts counts how often the means of an endpoint started again, which is when they stand for
// fewer answers than before.
type restarts struct {
	slower, faster int
	mean, weight   float64
}

func (r *restarts) watch(s *speed) {
	switch {
	case s.weight >= r.weight:
	case s.mean > 1.5*r.mean:
		r.slower++
	default:
		r.faster++
	}
	r.mean, r.weight = s.mean, s.weight
}

// TestEqualEndpointsStayEqualWhateverTheTimes holds false alarms to what the theory allows: one in
// exp(alarm) answers.
func TestEqualEndpointsStayEqualWhateverTheTimes(t *testing.T) {
	skipIfShort(t)
	const endpoints, answers = 5, 100_000
	for i, c := range times {
		t.Run(c.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(i), 7))
			p := newPool(endpoints)
			r := p.route("/")
			var seen [endpoints]restarts
			var low, high, off float64 = 1, 1, 0
			for n := range endpoints * answers {
				e := n % endpoints
				p.answer(e, r, c.next(random))
				seen[e].watch(&p.endpoints[e].speed)
				if n < endpoints*1000 {
					continue
				}
				relative := p.read(e).Relative
				low, high = min(low, relative), max(high, relative)
				off += indicator(relative < .8 || relative > 1.25)
			}
			off /= endpoints * (answers - 1000)
			var slower, faster int
			for _, s := range seen {
				slower, faster = slower+s.slower, faster+s.faster
			}
			figures := fmt.Sprintf("%.2f to %.2f, %.3f %% of the time beyond noise; restarts: %d slower, %d faster",
				low, high, off*100, slower, faster)
			t.Log(figures)
			const expected = endpoints * answers / 162_754 // exp(slowerAlarm)
			if slower > 3*expected+1 || faster > endpoints*answers/2981 && !c.atEdge || off > .005 {
				t.Error(figures)
			}
		})
	}
}

// answersUntil returns after how many answers of one endpoint a condition holds, while the others
// answer as many.
func (p *pool) answersUntil(limit int, r *Route, took func(endpoint int) time.Duration, holds func(Reading) bool) int {
	for n := 1; n <= limit; n++ {
		p.answers(len(p.endpoints), r, took)
		if holds(p.read(0)) {
			return n
		}
	}
	return limit + 1
}

// TestAChangeOfSpeedIsSeenWithinAFewAnswers counts the answers until the endpoint looks half as
// changed as it is, on a logarithmic scale.
func TestAChangeOfSpeedIsSeenWithinAFewAnswers(t *testing.T) {
	skipIfShort(t)
	constant := func(*rand.Rand) float64 { return 1 }
	exponential := (*rand.Rand).ExpFloat64
	for _, c := range []struct {
		name         string
		next         func(*rand.Rand) float64
		factor       float64
		slower, back int // within how many answers, at worst
	}{
		{"constant", constant, 2, 1000, 1000}, // 1,000 answers are one decay
		{"constant", constant, 4, 6, 3},
		{"constant", constant, 12, 3, 3},
		{"constant", constant, 1000, 110, 3}, // 1 s: the very slow answers look like a queue
		{"exponential", exponential, 2, 1500, 1500},
		{"exponential", exponential, 4, 60, 60},
		{"exponential", exponential, 12, 90, 30},
		{"exponential", exponential, 1000, 250, 30}, // 2 s, as it might be a queue for so long
	} {
		var slower, back int
		for seed := range uint64(10) {
			n, m := changeSeen(c.factor, func(random *rand.Rand) float64 { return c.next(random) }, seed)
			slower, back = max(slower, n), max(back, m)
		}
		t.Logf("%s, %v times as slow: seen after %d answers, the way back after %d", c.name, c.factor, slower, back)
		if slower > c.slower || back > c.back {
			t.Errorf("%s, %v times as slow: seen after %d answers, want %d, and the way back after %d, want %d",
				c.name, c.factor, slower, c.slower, back, c.back)
		}
	}
}

// changeSeen makes one of ten endpoints slower, and returns how many answers it took to see that,
// and to see that it is as fast as the others again.
func changeSeen(by float64, next func(*rand.Rand) float64, seed uint64) (slower, back int) {
	random := rand.New(rand.NewPCG(seed, 2))
	p := newPool(10)
	r, factor := p.route("/"), 1.
	took := func(e int) time.Duration {
		seconds := .005 * next(random)
		if e == 0 {
			seconds *= factor
		}
		return time.Duration(seconds * 1e9)
	}
	p.answers(20_000, r, took)
	factor = by
	slower = p.answersUntil(2000, r, took, func(r Reading) bool { return r.Relative > math.Sqrt(by) })
	p.answers(10*300, r, took)
	slow := p.read(0).Relative
	factor = 1
	back = p.answersUntil(2000, r, took, func(r Reading) bool { return r.Relative < math.Sqrt(slow) })
	return slower, back
}

func TestOneSlowAnswerIsNoChange(t *testing.T) {
	p := newPool(10)
	r := p.route("/")
	p.answers(5000, r, always(5*time.Millisecond))
	p.answer(0, r, 30*time.Second)
	if relative := p.read(0).Relative; relative > 1.01 {
		t.Errorf("one answer of 30 s on a route of 5 ms made the endpoint %v times as slow", relative)
	}
	p.answer(1, r, 5*time.Millisecond)
	if relative := p.read(1).Relative; relative < .99 {
		t.Errorf("it made another endpoint look %v times as slow", relative)
	}
}

func TestAMixtureOfRoutesIsNoChange(t *testing.T) {
	p := newPool(2)
	quick, reports, polls := p.route("/quick"), p.route("/reports"), p.route("/polls")
	for range 5000 {
		p.answer(0, quick, 5*time.Millisecond)
		p.answer(1, quick, 5*time.Millisecond)
		p.answer(1, reports, 300*time.Millisecond)
		p.answer(1, polls, 25*time.Second)
	}
	for e := range 2 {
		if relative := p.read(e).Relative; relative < .99 || relative > 1.01 {
			t.Errorf("endpoint %d is %v as slow as the pool", e, relative)
		}
	}
}

func TestTheFirstAnswerOfARouteIsAsUsual(t *testing.T) {
	p := newPool(2)
	p.answer(0, p.route("/"), time.Minute)
	if r := p.read(0); r.Relative != 1 {
		t.Errorf("its endpoint is %v as slow as the pool", r.Relative)
	}
}

func TestAComparisonWithARouteIsTrustedAsFarAsItIsKnown(t *testing.T) {
	for _, c := range []struct {
		answers  int
		relative float64
	}{{1, 1 + 2*.2}, {4, 1 + 2*.5}, {396, 1 + 2*.99}} {
		r := new(Route)
		for range c.answers {
			r.observe(second, .1, false, decay)
		}
		relative, logarithm := r.compare(.3, r.answers.get())
		wantNear(t, fmt.Sprintf("three times the usual time of %d answers", c.answers), relative, c.relative)
		wantNear(t, "its logarithm", logarithm, math.Log(3)*(c.relative-1)/2)
	}
}

func TestTheSpeedIsFiniteAndPositiveWhateverTheTimes(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	p := newPool(2)
	r := p.route("/")
	for range 100_000 {
		p.gap = Instant(random.Int64N(int64(1) << random.IntN(40)))
		p.answer(random.IntN(2), r, time.Duration(random.Int64N(int64(1)<<random.IntN(50))))
		for e := range 2 {
			s := &p.endpoints[e].speed
			if s.answers > 0 && !(s.mean > 0 && s.mean < 1e12) || math.IsNaN(s.logarithm) {
				t.Fatalf("mean %v, logarithm %v", s.mean, s.logarithm)
			}
			if r := p.read(e); !(r.Certainty >= 0 && r.Certainty < 1) {
				t.Fatalf("it reads %+v", r)
			}
		}
	}
}
