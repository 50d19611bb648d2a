package command_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/command"
)

func TestWaitEndsAsSoonAsTheGoalIsReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var errs bytes.Buffer
		began := time.Now()
		err := command.Wait(&errs, 0, time.Minute, func(context.Context) (bool, string, error) {
			passed := time.Since(began)
			return passed >= 20*time.Second, fmt.Sprintf("%d of 3", min(passed/(7*time.Second), 3)+1), nil
		})
		if passed := time.Since(began); err != nil || passed < 20*time.Second || passed > 21*time.Second {
			t.Errorf("ended after %s: %v", passed, err)
		}
		if want := "waiting: 1 of 3\n3 of 3\n"; errs.String() != want {
			t.Errorf("printed %q, want %q", errs.String(), want)
		}
	})
}

func TestWaitGoesOnWhileCaddyIsAwayAndSaysWhatIsMissingInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var errs bytes.Buffer
		began := time.Now()
		away := command.Failed(3, "away")
		err := command.Wait(&errs, 0, time.Minute, func(ctx context.Context) (bool, string, error) {
			if time.Since(began) < 30*time.Second {
				return false, "", away
			}
			return false, "2 of 3", ctx.Err()
		})
		if passed := time.Since(began); passed != time.Minute {
			t.Errorf("ended after %s", passed)
		}
		if command.CodeOf(err) != 6 || err.Error() != "not within 1m0s: 2 of 3" {
			t.Errorf("code %d: %v", command.CodeOf(err), err)
		}
	})
}

func TestWaitEndsAtOnceWithAnErrorThatStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		err := command.Wait(new(bytes.Buffer), 0, time.Minute, func(context.Context) (bool, string, error) {
			return false, "", command.Failed(2, "refused")
		})
		if command.CodeOf(err) != 2 || time.Since(began) != 0 {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

func TestWaitUntilTheGoalHoldsWithoutABreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		err := command.Wait(new(bytes.Buffer), 5*time.Second, time.Minute, func(context.Context) (bool, string, error) {
			passed := time.Since(began)
			return passed < 4*time.Second || passed >= 10*time.Second, "", nil
		})
		if passed := time.Since(began); err != nil || passed < 15*time.Second || passed > 17*time.Second {
			t.Errorf("ended after %s: %v", passed, err)
		}
	})
}

func TestWaitWithoutALimitHasNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		err := command.Wait(new(bytes.Buffer), 0, 0, func(context.Context) (bool, string, error) {
			return time.Since(began) > 48*time.Hour, "", nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestATerminalShowsWhatFits(t *testing.T) {
	got := command.FrameOf("a wide line\nb\nc\nd\n", 6, 4)
	if want := "\x1b[Ha wide\x1b[K\nb\x1b[K\nc\x1b[K\n\x1b[J"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := command.FrameOf("a\n", 0, 0), command.FrameOf("a\n", 80, 24); got != want {
		t.Errorf("on a terminal of unknown size it is %q, want %q", got, want)
	}
}

func TestAnAgeHasOneUnit(t *testing.T) {
	now := time.Date(2027, 1, 2, 15, 4, 5, 0, time.UTC)
	for passed, want := range map[time.Duration]string{
		-time.Second: "0s", 1900 * time.Millisecond: "1s", 119 * time.Second: "119s", 2 * time.Minute: "2m",
		119 * time.Minute: "119m", 47 * time.Hour: "47h", 48 * time.Hour: "2d",
	} {
		if got := command.Age(now.Add(-passed), now); got != want {
			t.Errorf("%s: got %s, want %s", passed, got, want)
		}
	}
	if got := command.Age(time.Time{}, now); got != "" {
		t.Errorf("got %q for an unknown time", got)
	}
}
