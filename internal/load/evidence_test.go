package load

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestAFailureSaysAsMuchAsItIsASurprise(t *testing.T) {
	for _, c := range []struct{ share, failure, answer float64 }{
		{.001, 6.2, -.69},
		{.02, 3.2, -.67},
		{.5, .4, -.69},
		{.99, .005, -.69},
	} {
		failure, answer := nats(true, c.share), nats(false, c.share)
		if math.Abs(failure-c.failure) > .05 || math.Abs(answer-c.answer) > .05 {
			t.Errorf("where %v fail, a failure is %v nats and an answer %v, want %v and %v",
				c.share, failure, answer, c.failure, c.answer)
		}
	}
}

// TestResultsAsUsualSpeakAgainstAChange is why evidence does not add up where nothing has changed.
func TestResultsAsUsualSpeakAgainstAChange(t *testing.T) {
	for share := 1e-4; share < .999; share += .001 {
		if mean := share*nats(true, share) + (1-share)*nats(false, share); mean >= 0 {
			t.Errorf("where %v fail, a result is %v nats on average", share, mean)
		}
	}
}

func TestEvidenceLeaksOneAlarmInEachDecay(t *testing.T) {
	var e evidence
	e.add(second, 2*alarm, decay)
	for _, c := range []struct{ decays, alarms float64 }{{0, 2}, {.5, 1.5}, {1, 1}, {1.1, .9}, {2, 0}, {1e6, 0}} {
		now := second + Instant(c.decays*float64(decay))
		if left := e.left(now, decay) / alarm; math.Abs(left-c.alarms) > 1e-6 {
			t.Errorf("%v decays later %v alarms are left, want %v", c.decays, left, c.alarms)
		}
	}
}

func TestEvidenceIsBounded(t *testing.T) {
	var e evidence
	added := e.add(second, 1000, decay)
	if added != maxAlarms*alarm || e.left(second, decay) != added {
		t.Errorf("%v nats were added, and %v are left", added, e.left(second, decay))
	}
	if added = e.add(second, -1000, decay); added != -maxAlarms*alarm || e.left(second, decay) != 0 {
		t.Errorf("%v nats were added, and %v are left", added, e.left(second, decay))
	}
}

func TestEvidenceOfAnEarlierInstantDoesNotGrow(t *testing.T) {
	var e evidence
	e.add(5*second, 4, decay)
	if left := e.left(1*second, decay); left != 4 {
		t.Errorf("a reader whose clock was read earlier sees %v nats", left)
	}
}

func TestLessThanAnAlarmIsNone(t *testing.T) {
	p, r := cleanPool()
	for range 2 {
		p.result(0, r, time.Millisecond, Unreachable)
	}
	if n := p.alarms(0); n < 1 {
		t.Fatalf("two failures are %v alarms", n)
	}
	for p.endpoints[0].Surprise(p.now, decay) >= alarm {
		p.now += second / 10
	}
	if n := p.alarms(0); n != 0 {
		t.Errorf("%v nats are %v alarms", p.endpoints[0].Surprise(p.now, decay), n)
	}
}

// cleanPool returns a pool of ten whose requests have not failed.
func cleanPool() (*pool, *Route) {
	p := newPool(10)
	r := p.route("/")
	p.answers(5000, r, always(5*time.Millisecond))
	return p, r
}

func TestOneFailureInACleanPoolIsNoAlarmAndTwoInARowAre(t *testing.T) {
	p, r := cleanPool()
	p.result(0, r, time.Millisecond, Failed)
	if n := p.alarms(0); n > 0 {
		t.Errorf("after one failure there are %v alarms", n)
	}
	p.result(0, r, time.Millisecond, Failed)
	if n := p.alarms(0); n == 0 {
		t.Error("after two there is none")
	}
	if n := p.alarms(1); n > 0 {
		t.Errorf("at another endpoint there are %v", n)
	}
}

func TestOneFailureToConnectIsAnAlarm(t *testing.T) {
	p, r := cleanPool()
	p.result(0, r, time.Millisecond, Unreachable)
	if n := p.alarms(0); n == 0 {
		t.Error("there is none")
	}
}

func TestErrorsThatAreEverywhereAlikeHardlyEverAlarm(t *testing.T) {
	skipIfShort(t)
	for _, share := range []float64{.005, .02, .1, .5} {
		random := rand.New(rand.NewPCG(1, uint64(share*1000)))
		p := newPool(10)
		r := p.route("/")
		alarmed, began, was := 0, 0, make([]bool, 10)
		for i := range 100_000 {
			e := i % 10
			result := Answered
			if random.Float64() < share {
				result = Failed
			}
			p.result(e, r, 5*time.Millisecond, result)
			is := p.alarms(e) > 0
			if is {
				alarmed++
			}
			if is && !was[e] {
				began++
			}
			was[e] = is
		}
		t.Logf("%v %% errors: %d alarms in 100,000 results, which last for %d", share*100, began, alarmed)
		// One in exp(alarm) results may be a false alarm.
		if began > 100_000/2981 || alarmed > 100 {
			t.Errorf("%v %% errors: %d alarms in 100,000 results, which last for %d", share*100, began, alarmed)
		}
	}
}

func TestAnEndpointThatFailsEverythingAlarmsAtOnce(t *testing.T) {
	p, r := cleanPool()
	n := 0
	for n < 100 && p.alarms(0) == 0 {
		p.result(0, r, time.Millisecond, Failed)
		p.answer(1, r, 5*time.Millisecond)
		n++
	}
	if n > 2 {
		t.Errorf("it took %d results", n)
	}
	for range 20 {
		p.result(0, r, time.Millisecond, Failed)
	}
	if n := p.alarms(0); n < 3.5 {
		t.Errorf("after 20 more there are %v alarms", n)
	}
}

func TestAnEndpointThatFailsAmongErrorsAlarmsSoon(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	p := newPool(10)
	r := p.route("/")
	for i := range 20_000 {
		result := Answered
		if random.Float64() < .02 {
			result = Failed
		}
		p.result(i%10, r, 5*time.Millisecond, result)
	}
	n := 0
	for n < 100 && p.alarms(0) == 0 {
		p.result(0, r, time.Millisecond, Failed)
		n++
	}
	if n > 4 {
		t.Errorf("it took %d results", n)
	}
}

func TestAnEndpointWithoutRequestsIsTriedAgain(t *testing.T) {
	p, r := cleanPool()
	for range 100 {
		p.result(0, r, time.Millisecond, Failed)
	}
	if p.alarms(0) == 0 {
		t.Fatal("there is no alarm")
	}
	p.now += at(maxAlarms*decay - decay/2)
	if p.alarms(0) > 0 {
		t.Error("there is an alarm after nearly four decay times")
	}
}

func TestFailuresOfOneRouteSayNothingOfTheOthers(t *testing.T) {
	p, r := cleanPool()
	other := p.route("/other")
	for range 50 {
		p.result(0, r, time.Millisecond, Failed)
	}
	e := &p.endpoints[0]
	if e.RouteAlarms(r, p.now, decay) == 0 || e.RouteAlarms(other, p.now, decay) > 0 || p.read(0).Alarms > 0 {
		t.Errorf("there are %v alarms for the route, %v for another, %v for all",
			e.RouteAlarms(r, p.now, decay), e.RouteAlarms(other, p.now, decay), p.read(0).Alarms)
	}
	p.result(0, other, time.Millisecond, Failed)
	if p.read(0).Alarms == 0 {
		t.Error("failures of two routes are no alarm for all")
	}
}
