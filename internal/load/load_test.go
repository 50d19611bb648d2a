package load

import (
	"testing"
	"time"
)

func TestAPauseDoesNotCountForTheEndpoint(t *testing.T) {
	p, r := cleanPool()
	l, request := &p.endpoints[0], p.send(0, r)
	l.Pause(request, p.now+2e6)
	l.Pause(request, p.now+3e6) // is paused already
	l.Resume(request, p.now+2e6+30*second)
	l.Resume(request, p.now+2e6+31*second) // waits already
	p.now += 30 * second
	c, ok := l.Conclude(request, p.now+5e6, Answered, decay)
	if !ok || c.Latency != 5*time.Millisecond {
		t.Errorf("it took %v", c.Latency)
	}
}

func TestAnAnswerDuringAPauseEndsIt(t *testing.T) {
	p, r := cleanPool()
	l, request := &p.endpoints[0], p.send(0, r)
	l.Pause(request, p.now+2e6)
	c, ok := l.Conclude(request, p.now+30*second, Answered, decay)
	if !ok || c.Latency != 2*time.Millisecond {
		t.Errorf("it took %v", c.Latency)
	}
	l.Resume(request, p.now+31*second)
	l.Pause(request, p.now+32*second)
	if l.Waiting() != 0 {
		t.Error("it waits again")
	}
}

func TestAPausedRequestDoesNotWait(t *testing.T) {
	p, r := cleanPool()
	l, request := &p.endpoints[0], p.send(0, r)
	l.Pause(request, p.now)
	if l.Waiting() != 0 {
		t.Error("it waits")
	}
	l.Resume(request, p.now)
	if l.Waiting() != 1 {
		t.Error("it does not wait after it")
	}
}

func TestTheAgeCountsFromTheEndOfAPause(t *testing.T) {
	p, r := cleanPool()
	l, request := &p.endpoints[0], p.send(0, r)
	l.Pause(request, p.now)
	p.now += second / 2
	l.Resume(request, p.now)
	p.now += second / 100
	wantNear(t, "the age", p.read(0).Age, 2)
}

func TestAnUpgradedConnectionIsParked(t *testing.T) {
	p, r := cleanPool()
	l, request := &p.endpoints[0], p.send(0, r)
	l.Conclude(request, p.now, Nothing, decay)
	l.Park(request)
	l.Park(request)
	if l.Parked() != 1 {
		t.Errorf("%d are parked", l.Parked())
	}
	l.End(request, p.now+600*second, decay)
	l.Park(request) // is over already
	if l.Parked() != 0 {
		t.Errorf("after its end %d are parked", l.Parked())
	}
}

func TestOnlyOneConclusionCounts(t *testing.T) {
	p, r := cleanPool()
	l, request := &p.endpoints[0], p.send(0, r)
	if _, ok := l.Conclude(request, p.now, Answered, decay); !ok {
		t.Error("the first one does not count")
	}
	if _, ok := l.Conclude(request, p.now, Failed, decay); ok || l.Surprise(p.now, decay) > 0 {
		t.Error("the second one does")
	}
	l.End(request, p.now, decay)
	if _, ok := l.Conclude(request, p.now, Failed, decay); ok {
		t.Error("one after the end does")
	}
}

func TestTheEndSaysHowLongARequestWasInFlight(t *testing.T) {
	p, r := cleanPool()
	l, request := &p.endpoints[0], p.send(0, p.route("/downloads"))
	l.Conclude(request, p.now+5e6, Answered, decay)
	l.End(request, p.now+60*second, decay)
	if !p.Parked(request.route) || p.Parked(r) {
		t.Error("downloads of a minute are not parked, or the others are")
	}
}

func TestARequestThatLeftSaysNotHowLongRequestsAreInFlight(t *testing.T) {
	p, r := cleanPool()
	finished := r.finished.get()
	l, unanswered, failed := &p.endpoints[0], p.send(0, r), p.send(0, r)
	l.End(unanswered, p.now+60*second, decay)
	l.Conclude(failed, p.now+60*second, Left, decay) // its round trip ended before the request
	l.End(failed, p.now+60*second, decay)
	if r.finished.get() != finished {
		t.Error("it counts")
	}
}

func TestTheEndOfARequestThatWasNotSentChangesNothing(t *testing.T) {
	var l Load
	var request Request
	l.End(&request, second, decay)
	if wantIdle(t, &l); l.Surprise(second, decay) > 0 {
		t.Error("it is evidence")
	}
}

func TestAnAttemptDoesNotAllocate(t *testing.T) {
	p, r := cleanPool()
	var request Request
	l := &p.endpoints[0]
	if n := testing.AllocsPerRun(100, func() {
		request = Request{}
		l.Begin(&request, &p.Routes, r, false, p.now)
		l.Pause(&request, p.now)
		l.Resume(&request, p.now)
		l.Conclude(&request, p.now+5e6, Answered, decay)
		l.End(&request, p.now+5e6, decay)
		p.now += second / 100
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
