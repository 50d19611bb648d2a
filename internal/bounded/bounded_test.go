package bounded

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestRunWaitsForAFunctionButNotLongAfterTheEnd(t *testing.T) {
	for name, c := range map[string]struct {
		takes, ends time.Duration // of the function, and until the end of the context
		took        time.Duration
		returned    bool
	}{
		"returns by itself":        {time.Hour, 2 * time.Hour, time.Hour, true},
		"returns soon after":       {time.Minute + Grace/2, time.Minute, time.Minute + Grace/2, true},
		"returns after the grace":  {time.Hour, time.Minute, time.Minute + Grace, false},
		"is called after the end":  {time.Second, 0, time.Second, true},
		"hangs and is called late": {time.Hour, 0, Grace, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.ends)
				defer cancel()
				start := time.Now()
				if got := Run(ctx, func() { time.Sleep(c.takes) }); got != c.returned {
					t.Errorf("got %v", got)
				}
				if took := time.Since(start); took != c.took {
					t.Errorf("it took %s, want %s", took, c.took)
				}
				time.Sleep(c.takes) // a bubble must not end before its goroutines
			})
		})
	}
}

func TestACallerMakesNoCallWhileOneHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Caller
		var calls atomic.Int32
		call := func(takes time.Duration) error {
			return c.Call(t.Context(), time.Second, func(context.Context) error {
				calls.Add(1)
				time.Sleep(takes)
				return errors.New("returned")
			})
		}
		if err := call(time.Second / 2); err == nil || err.Error() != "returned" {
			t.Errorf("a call in time: %v", err)
		}
		if err := call(3 * time.Second / 2); err == nil || err.Error() != "returned" {
			t.Errorf("a call that is a little late: %v", err)
		}
		for range 10 {
			if err := call(time.Minute); !errors.Is(err, ErrHangs) {
				t.Errorf("a call that hangs: %v", err)
			}
		}
		if n := calls.Load(); n != 3 {
			t.Errorf("%d calls, want no other while one hangs", n)
		}
		time.Sleep(time.Minute)
		if err := call(0); err == nil || err.Error() != "returned" {
			t.Errorf("after the call has returned: %v", err)
		}
	})
}

func TestACallEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		err := new(Caller).Call(ctx, time.Hour, func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestACallThatPanicsIsAnErrorAndDoesNotHang(t *testing.T) {
	c := new(Caller)
	err := c.Call(t.Context(), time.Minute, func(context.Context) error { panic("no map") })
	if err == nil || err.Error() != "the storage panicked: no map" {
		t.Errorf("got %v", err)
	}
	if err := c.Call(t.Context(), time.Minute, func(context.Context) error { return nil }); err != nil {
		t.Errorf("the next call: %v", err)
	}
}
