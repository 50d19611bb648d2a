package load

import (
	"testing"
	"time"
)

func TestOnlyRequestsThatWaitForTheEndpointAreWork(t *testing.T) {
	for name, c := range map[string]struct {
		begin func(l *Load, r *Request, now Instant)
		idle  int
	}{
		"waits":           {func(*Load, *Request, Instant) {}, 0},
		"is parked":       {func(l *Load, r *Request, _ Instant) { l.Park(r) }, 1},
		"is being sent":   {func(l *Load, r *Request, now Instant) { l.Pause(r, now) }, 1},
		"was sent":        {func(l *Load, r *Request, now Instant) { l.Pause(r, now); l.Resume(r, now) }, 0},
		"is being read":   {func(l *Load, r *Request, now Instant) { l.Conclude(r, now, Answered, decay) }, 1},
		"is over":         {func(l *Load, r *Request, now Instant) { l.End(r, now, decay) }, 0},
		"was read":        {func(l *Load, r *Request, now Instant) { l.Conclude(r, now, Answered, decay); l.End(r, now, decay) }, 0},
		"was parked once": {func(l *Load, r *Request, now Instant) { l.Park(r); l.End(r, now, decay) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p, r := cleanPool()
			l, request := &p.endpoints[0], p.send(0, r)
			c.begin(l, request, p.now)
			if got := l.Idle(); got != c.idle {
				t.Errorf("%d are no work, want %d", got, c.idle)
			}
			next := p.send(0, r)
			result, _ := l.Conclude(next, p.now, Answered, decay)
			want := 1
			if request.part() == work {
				want = 2
			}
			if result.Crowd != want || result.CrowdAtEnd != want {
				t.Errorf("the next one has a crowd of %d and %d, want %d", result.Crowd, result.CrowdAtEnd, want)
			}
			l.End(next, p.now, decay)
			l.End(request, p.now, decay)
			if l.Idle() != 0 || l.working != 0 {
				t.Errorf("%d and %d are left", l.Idle(), l.working)
			}
		})
	}
}

func TestARequestThatIsParkedBecauseTheEndpointHangsIsWork(t *testing.T) {
	p, r := cleanPool()
	l, request := &p.endpoints[0], p.send(0, r)
	p.now += 100 * second
	l.Read(p.now, decay)
	if l.Parked() != 1 || l.Idle() != 0 {
		t.Errorf("%d are parked and %d are no work; want 1 and 0", l.Parked(), l.Idle())
	}
	l.End(request, p.now, decay)
	if l.Idle() != 0 || l.working != 0 {
		t.Errorf("%d and %d are left", l.Idle(), l.working)
	}
}

func TestTheUnloadedTimeIsThatOfTheFirstRequestsAndOfThoseThatMeetRoom(t *testing.T) {
	p := newPool(1)
	r := p.route("/a")
	observe := func(latency time.Duration, own float64) {
		request := p.send(0, r)
		c, _ := p.endpoints[0].Conclude(request, p.now+Instant(latency), Answered, decay)
		p.endpoints[0].End(request, p.now+Instant(latency), decay)
		p.ObserveUnloaded(r, p.now, &c, own)
	}
	if mean, _ := r.Unloaded(); mean > 0 {
		t.Error("it is known before the first answer")
	}
	for range firstSent {
		observe(20*time.Millisecond, 0)
	}
	for range 1000 {
		observe(time.Second, 0)
	}
	got, _ := r.Unloaded()
	wantNear(t, "the time of the first ones", got, .020)
	for range 5000 {
		observe(80*time.Millisecond, .5)
	}
	got, _ = r.Unloaded()
	wantNear(t, "the time at an endpoint with room", got, .040)
}

// Cheap and dear requests of a route are no fault of it. If the bound of one answer were lower, the
// unloaded time would be that of the cheap ones.
func TestTheUnloadedTimeIsThatOfTheRouteAlsoIfItHasDearRequests(t *testing.T) {
	p := newPool(1)
	r := p.route("/a")
	for i := range 5000 {
		latency := 5 * time.Millisecond
		if i%10 == 9 {
			latency = 500 * time.Millisecond
		}
		p.ObserveUnloaded(r, p.now, &Comparison{Latency: latency}, 1)
	}
	mean, square := r.Unloaded()
	wantNear(t, "the mean", mean, .0545)
	wantNear(t, "the mean square", square, .025)
}
