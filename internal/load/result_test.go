package load

import (
	"testing"
	"time"
)

func TestAComparisonIsWithWhatIsUsual(t *testing.T) {
	p, r := cleanPool()
	c := p.result(0, r, 50*time.Millisecond, Answered)
	if c.Latency != 50*time.Millisecond || !near(c.Relative, 10) || c.Expected > .001 {
		t.Errorf("got %+v", c)
	}
}

func TestTheFirstResultOfARouteIsNotCompared(t *testing.T) {
	p, _ := cleanPool()
	c := p.result(0, p.route("/new"), 50*time.Millisecond, Answered)
	if c.Latency != 50*time.Millisecond || c.Relative != 0 || !near(c.Expected, assumedShare) {
		t.Errorf("got %+v", c)
	}
}

func TestWhatResultsSay(t *testing.T) {
	for _, c := range []struct {
		name     string
		result   Result
		nats     bool // there is evidence that the endpoint is sick
		slower   bool
		requests int // of the route
	}{
		{"a slow answer", Answered, false, true, 1},
		{"an answer that is neither good nor bad", Nothing, false, false, 0},
		{"a failure", Failed, true, false, 1},
		{"no connection", Unreachable, true, false, 0},
		{"a client that goes away early", Left, false, false, 0},
	} {
		p, r := cleanPool()
		requests, before := r.requests.Load(), p.read(0).Relative
		p.result(0, r, 15*time.Millisecond, c.result)
		if nats := p.endpoints[0].Surprise(p.now, decay); (nats > 0) != c.nats {
			t.Errorf("%s is evidence of %v nats", c.name, nats)
		}
		if relative := p.read(0).Relative; (relative > before) != c.slower {
			t.Errorf("%s makes the endpoint %v times as slow", c.name, relative)
		}
		if n := r.requests.Load() - requests; n != uint64(c.requests) {
			t.Errorf("%s counts %d times for its route", c.name, n)
		}
	}
}

func TestAClientThatGoesAwayLateIsEvidenceOfAHang(t *testing.T) {
	for _, c := range []struct {
		waited   time.Duration
		answered bool // the endpoint answered another request meanwhile
		nats     bool
	}{
		{15 * time.Millisecond, false, false},
		{25 * time.Millisecond, false, true},
		{25 * time.Millisecond, true, false},
	} {
		p, r := cleanPool()
		request := p.send(0, r)
		if c.answered {
			p.answer(0, r, time.Millisecond)
			p.now += second / 1000
		}
		p.endpoints[0].End(request, request.sent+at(c.waited), decay)
		if nats := p.endpoints[0].Surprise(p.now, decay); (nats > 0) != c.nats {
			t.Errorf("%+v: %v nats", c, nats)
		}
	}
}

func TestAClientThatGoesAwayFromAnUnknownRouteSaysNothing(t *testing.T) {
	p, _ := cleanPool()
	request := p.send(0, p.route("/new"))
	p.now += 30 * second
	p.endpoints[0].End(request, p.now, decay)
	if nats := p.endpoints[0].Surprise(p.now, decay); nats > 0 {
		t.Errorf("%v nats", nats)
	}
}

// TestALateRequestCountsOnce parks a request that the endpoint should have answered, and then lets
// its client go away.
func TestALateRequestCountsOnce(t *testing.T) {
	p, r := cleanPool()
	request := p.send(0, r)
	p.now += 2 * second
	p.read(0)
	before := p.endpoints[0].Surprise(p.now, decay)
	p.endpoints[0].End(request, p.now, decay)
	if after := p.endpoints[0].Surprise(p.now, decay); after != before || before == 0 {
		t.Errorf("%v nats became %v", before, after)
	}
}

func TestAFailureAfterALongWaitCountsAsOne(t *testing.T) {
	p, r := cleanPool()
	request := p.send(0, r)
	p.now += 2 * second
	p.read(0)
	p.endpoints[0].Conclude(request, p.now, Failed, decay)
	if alarms := p.alarms(0); alarms > 0 {
		t.Errorf("it is worth %v alarms", alarms)
	}
}
