package lbpolicy

import (
	"testing"
	"time"

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
