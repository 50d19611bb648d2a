package lbpolicy

import (
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// A group that gets all requests leaves the default group none, so that only older answers of the
// latter are left to compare with.
func TestAGroupWithAllRequestsIsComparedWithAnswersOfTheWindowsBefore(t *testing.T) {
	for windows, stopped := range map[int]bool{0: true, 1: true, 2: false} {
		c, now := newComparison(t, 1, SplitGuard{}), time.Unix(1_000_000, 0)
		c.turn(now)
		c.send(600, .5, "/", [2]float64{}, equally)
		for range windows {
			now = now.Add(time.Duration(c.Window))
			c.turn(now)
		}
		c.send(300, 1, "/", [2]float64{0, 1}, equally)
		why := c.verdict()
		if (why != "") != stopped {
			t.Errorf("%d windows after the default group's last answer, the group is stopped because %q", windows, why)
		}
		if status := c.statusOf(1, nil); !stopped && status != endpoint.GuardWaits {
			t.Errorf("%d windows after the default group's last answer, the guard is %q", windows, status)
		}
	}
}

func TestALogLineSaysOnceThatAGroupIsNotGuardedAnyMore(t *testing.T) {
	guard := new(SplitGuard)
	if err := guard.check(); err != nil {
		t.Fatal(err)
	}
	core, log := observer.New(zap.WarnLevel)
	s := newSteppedOf(t, loggedPool(t, zap.New(core)), guard)
	c := &comparison{groupGuard: s.guard}
	warnings := func() int {
		return log.FilterMessage("guard cannot judge a group any more, because the default group gets no requests").Len()
	}
	for _, all := range []float64{99, 100} {
		s.set(endpoint.GroupState{Share: &all})
		for range 200 {
			c.answer(0, "/", false, time.Millisecond)
			c.answer(1, "/", false, time.Millisecond)
		}
		s.after(time.Minute, all)
		if n := warnings(); n != 0 {
			t.Errorf("%d warnings while there is something to compare", n)
		}
		s.after(time.Hour, all)
	}
	if n := warnings(); n != 1 {
		t.Errorf("%d warnings, want 1", n)
	}
}
