package load

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestTheRoutesThatFailMostHaveEvidence(t *testing.T) {
	p, good := cleanPool()
	routes := make([]*Route, 6)
	for i := range routes {
		routes[i] = p.route("/" + word(uint32(i+100)))
		p.answers(10_000, routes[i], always(5*time.Millisecond))
	}
	for i, r := range routes {
		for range 1 + 2*min(i, 2) { // fewest at the first ones
			p.result(0, r, time.Millisecond, Failed)
			p.answer(0, good, 5*time.Millisecond)
		}
	}
	for i, r := range routes {
		if n := p.endpoints[0].RouteAlarms(r, p.now, decay); (n > 0) != (i > 1) {
			t.Errorf("route %d has %v alarms", i, n)
		}
	}
	if !p.read(0).Partial || p.read(1).Partial {
		t.Error("it is not read that single routes have alarms, or also at another endpoint")
	}
	p.now += at(4 * decay)
	if p.read(0).Partial {
		t.Error("four decay times later there are alarms")
	}
}

func TestARouteDoesNotInheritEvidence(t *testing.T) {
	p, good := cleanPool()
	l := &p.endpoints[0]
	routes := make([]*Route, 5)
	for i := range routes {
		routes[i] = p.route("/" + word(uint32(i+100)))
		p.answers(10_000, routes[i], always(5*time.Millisecond))
	}
	for i, r := range routes {
		for range 4 - i/4*3 { // one at the last route
			p.result(0, r, time.Millisecond, Failed)
			p.answer(0, good, 5*time.Millisecond)
		}
		if n := l.RouteAlarms(r, p.now, decay); (n > 0) != (i < 4) {
			t.Errorf("route %d has %v alarms", i, n)
		}
	}
}

func TestAnAnswerOfARouteSpeaksForIt(t *testing.T) {
	p, other := cleanPool()
	r := p.route("/bad")
	p.answers(10_000, r, always(5*time.Millisecond))
	l := &p.endpoints[0]
	for range 3 {
		p.result(0, r, time.Millisecond, Failed)
	}
	before := l.RouteAlarms(r, p.now, decay)
	for range 10 {
		p.answer(0, other, 5*time.Millisecond)
	}
	if n := l.RouteAlarms(r, p.now, decay); n < .95*before {
		t.Errorf("ten answers of another route made of %v alarms %v", before, n)
	}
	for range 10 {
		p.answer(0, r, 5*time.Millisecond)
	}
	if n := l.RouteAlarms(r, p.now, decay); n > before-.5 {
		t.Errorf("ten answers made of %v alarms %v", before, n)
	}
	if n := l.RouteAlarms(other, p.now, decay); n != 0 {
		t.Errorf("a route that never failed has %v alarms", n)
	}
}

func TestARouteThatAlwaysFailsIsNoAlarm(t *testing.T) {
	for _, c := range []struct {
		name      string
		endpoints int
		every     int // one request in so many is of the bad route
	}{
		{"one request in 20", 10, 20},
		{"one request in 2", 10, 2},
		{"each request", 10, 1},
		{"each request, of two endpoints", 2, 1},
	} {
		p := newPool(c.endpoints)
		good, bad := p.route("/good"), p.route("/bad")
		random := rand.New(rand.NewPCG(1, 2))
		for i := range 20_000 {
			e := i % c.endpoints
			if random.IntN(c.every) > 0 {
				p.answer(e, good, 5*time.Millisecond)
			} else {
				p.result(e, bad, 5*time.Millisecond, Failed)
			}
			if r := p.read(e); r.Alarms > 0 || r.Partial {
				t.Errorf("%s: after %d results there are %v alarms, for single routes: %v", c.name, i, r.Alarms, r.Partial)
				break
			}
		}
	}
}

func TestAnEndpointThatFailsAPartOfOneRouteAlarmsForIt(t *testing.T) {
	skipIfShort(t)
	for _, share := range []float64{.3, .6, 1} {
		worst := 0
		for seed := range uint64(20) {
			random := rand.New(rand.NewPCG(seed, 2))
			p := newPool(10)
			bad, other := p.route("/bad"), p.route("/other")
			p.answers(5000, bad, always(5*time.Millisecond))
			p.answers(5000, other, always(5*time.Millisecond))
			l, n := &p.endpoints[0], 0
			for n < 1000 && l.RouteAlarms(bad, p.now, decay) == 0 {
				n++
				for e := range 10 {
					for range 19 {
						p.answer(e, other, 5*time.Millisecond)
					}
					result := Answered
					if e == 0 && random.Float64() < share {
						result = Failed
					}
					p.result(e, bad, 5*time.Millisecond, result)
				}
			}
			worst = max(worst, n)
			if p.read(0).Alarms > 0 {
				t.Errorf("%v %%: the endpoint has an alarm for all routes", share*100)
			}
			if n := l.RouteAlarms(other, p.now, decay); n > 0 {
				t.Errorf("%v %%: the other route has %v alarms", share*100, n)
			}
		}
		t.Logf("%v %%: seen after %d results of the route at worst", share*100, worst)
		if worst > 60 {
			t.Errorf("%v %%: seen after %d results of the route at worst", share*100, worst)
		}
	}
}
