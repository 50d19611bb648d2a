package load

import (
	"fmt"
	"testing"
	"time"
)

func TestCertaintyGrowsWithAnswersAndFadesWithTime(t *testing.T) {
	p := newPool(1)
	r := p.route("/")
	if certainty := p.read(0).Certainty; certainty != 0 {
		t.Errorf("before the first answer it is %v", certainty)
	}
	for _, c := range []struct {
		answers int
		want    float64
	}{{1, 1. / 21}, {20, .5}, {380, .95}} {
		for int(p.endpoints[0].speed.answers) < c.answers {
			p.answer(0, r, 5*time.Millisecond)
		}
		wantNear(t, fmt.Sprintf("the certainty after %d answers", c.answers), p.read(0).Certainty, c.want)
	}
	p.now += at(decay)
	wantNear(t, "one decay later", p.read(0).Certainty, .95/2.7083)
	p.now += at(2 * decay)
	if certainty := p.read(0).Certainty; certainty != 0 {
		t.Errorf("three decays later it is %v", certainty)
	}
}

// slowFor returns a pool whose first endpoint takes 20 times as long as the others for some time,
// at 100 answers a second.
func slowFor(d time.Duration) *pool {
	p := newPool(10)
	r := p.route("/")
	p.answers(20_000, r, always(5*time.Millisecond))
	p.answers(int(d/(10*time.Millisecond))*10, r, func(e int) time.Duration {
		if e == 0 {
			return 100 * time.Millisecond
		}
		return 5 * time.Millisecond
	})
	return p
}

// believedFor returns how long it takes without answers until an endpoint is believed to be as slow
// as it is by the part that is left of a value after one decay.
func (p *pool) believedFor(endpoint int) time.Duration {
	before := p.read(endpoint).Certainty
	for d := time.Duration(0); d < 4*decay; d += 10 * time.Millisecond {
		if p.endpoints[endpoint].Read(p.now+at(d), decay).Certainty <= before/2.7083 {
			return d
		}
	}
	return 4 * decay
}

func TestThatAnEndpointIsSlowIsBelievedForAsLongAgain(t *testing.T) {
	for _, c := range []struct{ slow, least, most time.Duration }{
		{200 * time.Millisecond, 100 * time.Millisecond, 400 * time.Millisecond},
		{500 * time.Millisecond, 400 * time.Millisecond, 700 * time.Millisecond},
		// A few times what one of its requests takes, however long it has been slow.
		{5 * time.Second, 900 * time.Millisecond, 1100 * time.Millisecond},
	} {
		p := slowFor(c.slow)
		if d := p.believedFor(0); d < c.least || d > c.most {
			t.Errorf("after %v it is believed for %v, want %v to %v", c.slow, d, c.least, c.most)
		}
		if d := p.believedFor(1); d < decay*99/100 || d > decay*101/100 {
			t.Errorf("that another one is not slow is believed for %v", d)
		}
	}
}

func TestThatAnEndpointIsSlowIsBelievedForTheDecayAtMost(t *testing.T) {
	p := newPool(2)
	p.gap = second
	r := p.route("/")
	p.answers(2000, r, func(e int) time.Duration { return time.Duration(e*20+1) * time.Second })
	if d := p.believedFor(1); d < decay*99/100 || d > decay*101/100 {
		t.Errorf("it is believed for %v", d)
	}
}
