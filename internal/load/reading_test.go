package load

import (
	"testing"
	"time"
)

func TestALoadWithoutRequestsKnowsNothing(t *testing.T) {
	var l Load
	if r := l.Read(at(time.Hour), decay); r.Certainty != 0 || r.Age != 0 || r.Alarms != 0 || r.Partial {
		t.Errorf("got %+v", r)
	}
	if l.Waiting() != 0 || l.Parked() != 0 || l.Surprise(second, decay) != 0 {
		t.Error("it has requests or evidence")
	}
}

func TestReadingChangesNothing(t *testing.T) {
	p, r := cleanPool()
	p.result(0, r, time.Millisecond, Failed)
	p.send(0, r)
	later := p.now + second/2
	before := p.endpoints[0].Read(later, decay)
	for i := range Instant(100) {
		p.endpoints[0].Read(later+i*second/1000, decay)
		p.endpoints[0].RouteAlarms(r, later, decay)
		p.endpoints[0].Surprise(later, decay)
	}
	if after := p.endpoints[0].Read(later, decay); after != before {
		t.Errorf("%+v became %+v", before, after)
	}
}

func TestReadingDoesNotAllocate(t *testing.T) {
	p, r := cleanPool()
	for range 10 {
		p.send(0, r)
	}
	if n := testing.AllocsPerRun(100, func() { p.read(0); p.now += second }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSurpriseIsTheEvidenceInNats(t *testing.T) {
	p, r := cleanPool()
	p.result(0, r, time.Millisecond, Failed)
	if nats := p.endpoints[0].Surprise(p.now, decay); nats < 6 || nats >= alarm {
		t.Errorf("that of one failure is %v nats", nats)
	}
}

// mixedPool returns a pool of ten on which requests of 5 ms are usual, and polls take 25 s.
func mixedPool() (p *pool, quick, polls *Route) {
	p, quick = cleanPool()
	polls = p.route("/polls")
	for e := range 10 {
		p.answer(e, polls, 25*time.Second)
	}
	return p, quick, polls
}

func TestRequestsParkByTheirRoute(t *testing.T) {
	p, quick, polls := mixedPool()
	p.send(0, quick)
	p.send(0, polls)
	if n := p.endpoints[0].Parked(); n != 1 {
		t.Errorf("%d of a quick request and a poll are parked", n)
	}
	p.now += second / 2
	p.send(1, polls)
	if age := p.read(1).Age; age != 0 {
		t.Errorf("a poll has an age of %v", age)
	}
}

func TestRequestsOfAnUnknownRouteParkByAge(t *testing.T) {
	p, _ := cleanPool()
	p.send(0, p.route("/new"))
	p.now += second
	if p.read(0); p.endpoints[0].Parked() != 0 {
		t.Error("after a second it is parked")
	}
	p.now++
	if p.read(0); p.endpoints[0].Parked() != 1 || p.endpoints[0].Waiting() != 1 {
		t.Error("after more than a second it is not, or does not wait")
	}
}

// TestRequestsParkAtOnceWhereTheFirstOnesGoOn has streams, polls and uploads of which none ends for
// long. The later ones are like the first.
func TestRequestsParkAtOnceWhereTheFirstOnesGoOn(t *testing.T) {
	for name, goOn := range map[string]func(p *pool, r *Request){
		"streams": func(p *pool, r *Request) { p.endpoints[0].Conclude(r, p.now+1e6, Answered, decay) },
		"uploads": func(p *pool, r *Request) { p.endpoints[0].Pause(r, p.now+1e6) },
		"polls":   func(*pool, *Request) {},
	} {
		p, quick := cleanPool()
		r := p.route("/new")
		goOn(p, p.send(0, r))
		p.send(1, r)
		if n := p.endpoints[1].Parked(); n != 0 {
			t.Errorf("%s: %d are parked at first", name, n)
		}
		p.now += 2 * second
		p.read(0)
		for range 20 {
			p.send(2, r)
		}
		if n := p.endpoints[2].Parked(); n != 20 {
			t.Errorf("%s: %d of 20 later ones are parked", name, n)
		}
		if p.Parked(quick) {
			t.Errorf("%s: the requests of another route park", name)
		}
	}
}

func TestOneRequestThatGoesOnDoesNotParkTheOthersOfItsRoute(t *testing.T) {
	for _, before := range []bool{true, false} {
		p, _ := cleanPool()
		r := p.route("/new")
		if before {
			p.answer(1, r, 5*time.Millisecond)
		}
		p.send(0, r)
		p.now += 2 * second
		p.read(0)
		if !before {
			p.answer(1, r, 5*time.Millisecond)
		}
		if p.Parked(r) {
			t.Errorf("with an answer before it (%v), requests of the route park", before)
		}
	}
}

func TestWhereAllRequestsTakeLongTheyDoNotPark(t *testing.T) {
	p := newPool(2)
	r := p.route("/completions")
	p.answers(100, r, always(10*time.Second))
	p.send(0, r)
	p.now += 60 * second
	if p.read(0); p.endpoints[0].Parked() != 0 {
		t.Error("after a minute one is parked, where 10 s are usual")
	}
}

func TestADownloadParksByAge(t *testing.T) {
	p, r := cleanPool()
	l, request := &p.endpoints[0], p.send(0, r)
	l.Conclude(request, p.now+1e6, Answered, decay)
	p.now += 2 * second
	if p.read(0); l.Parked() != 1 || l.Waiting() != 0 {
		t.Errorf("%d parked, %d waiting", l.Parked(), l.Waiting())
	}
	l.End(request, p.now, decay)
	if l.Parked() != 0 {
		t.Error("at its end it is still parked")
	}
}

func TestAStalledUploadParksAndSaysNothing(t *testing.T) {
	p, r := cleanPool()
	l, request := &p.endpoints[0], p.send(0, r)
	l.Pause(request, p.now+1e6)
	p.now += 5 * second
	if reading := p.read(0); reading.Age != 0 || reading.Alarms > 0 || l.Surprise(p.now, decay) > 0 {
		t.Errorf("it reads %+v, with %v nats", reading, l.Surprise(p.now, decay))
	}
	if l.Parked() != 1 || l.Waiting() != 0 {
		t.Errorf("%d parked, %d waiting", l.Parked(), l.Waiting())
	}
	l.End(request, p.now, decay)
	if nats := l.Surprise(p.now, decay); nats > 0 {
		t.Errorf("its end is worth %v nats", nats)
	}
}

// hang sends requests to the first endpoint, which does not answer any more, while the others do.
// It returns the requests in flight there.
func hang(p *pool, r *Route, d time.Duration) (hung []*Request) {
	for end := p.now + at(d); p.now < end; {
		if len(hung) < 5 {
			hung = append(hung, p.send(0, r))
		}
		for e := 1; e < len(p.endpoints); e++ {
			p.answer(e, r, 5*time.Millisecond)
		}
		p.read(0)
	}
	return hung
}

func TestAHungEndpointIsNoticedByTheAgeOfWhatWaits(t *testing.T) {
	p, r := cleanPool()
	hang(p, r, 200*time.Millisecond)
	if age := p.read(0).Age; age < 20 {
		t.Errorf("after 40 times what is usual the age is %v", age)
	}
	if age := p.read(1).Age; age != 0 {
		t.Errorf("that of another endpoint is %v", age)
	}
}

func TestAHungEndpointAlarmsAsItsRequestsPark(t *testing.T) {
	p, r := cleanPool()
	hang(p, r, 1200*time.Millisecond)
	if reading := p.read(0); reading.Alarms < 2 {
		t.Errorf("after 1.2 s it reads %+v", reading)
	}
}

func TestTheEvidenceOfAHangIsTakenBackAsItEnds(t *testing.T) {
	p, r := cleanPool()
	hung := hang(p, r, 1200*time.Millisecond)
	l := &p.endpoints[0]
	for _, request := range hung {
		l.Conclude(request, p.now, Answered, decay)
		l.End(request, p.now, decay)
	}
	if reading := p.read(0); reading.Alarms > 0 || l.Surprise(p.now, decay) > 0 {
		t.Errorf("after all are answered it reads %+v, with %v nats", reading, l.Surprise(p.now, decay))
	}
}

func TestARequestThatHangsAmongAnswersSaysNothing(t *testing.T) {
	p, r := cleanPool()
	hung := p.send(0, r)
	for range 300 {
		p.answers(10, r, always(5*time.Millisecond))
		if reading := p.read(0); reading.Alarms > 0 || reading.Age > 4 || p.endpoints[0].Surprise(p.now, decay) > 0 {
			t.Fatalf("it reads %+v", reading)
		}
	}
	l := &p.endpoints[0]
	l.End(hung, p.now, decay)
	if reading := p.read(0); reading.Alarms > 0 || reading.Relative > 1.01 {
		t.Errorf("after its client has left it reads %+v", reading)
	}
}
