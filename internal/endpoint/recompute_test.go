package endpoint

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// kept is a roster at work in a bubble, and what it told.
type kept struct {
	*Claim
	t      *testing.T
	log    *observer.ObservedLogs
	events []string
}

func keeping(t *testing.T, rules Rules, test func(k *kept)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		core, log := observer.New(zap.DebugLevel)
		k := &kept{t: t, log: log}
		rules.Watched = everything
		c, err := Acquire(Definition{
			Config: t, Name: t.Name(), Rules: rules, Run: idle,
			Owner: Owner{Logger: zap.New(core), Emit: func(name string, data map[string]any) {
				k.events = append(k.events, strings.TrimSpace(fmt.Sprint(name, " ", data["address"])))
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Release()
		k.Claim = c
		test(k)
	})
}

func idle(ctx context.Context, _ *Roster) { <-ctx.Done() }

// list replaces the list by one that is written as members are.
func (k *kept) list(text string) {
	var infos []listing.Info
	for _, m := range members(text) {
		infos = append(infos, *m.Info)
	}
	k.Roster.Replace(infos)
}

func (k *kept) set(name string, c Condition, holds bool) {
	k.Roster.Snapshot().Find(name+":1").Set(c, holds)
}

func (k *kept) after(d time.Duration) *Snapshot {
	time.Sleep(d)
	synctest.Wait()
	return k.Roster.Snapshot()
}

func (k *kept) wantServing(after time.Duration, want string) {
	k.t.Helper()
	if got := serving(k.after(after)); got != want {
		k.t.Errorf("%q serve, not %q", got, want)
	}
}

func TestSharesFollowConditions(t *testing.T) {
	keeping(t, Rules{}, func(k *kept) {
		k.list("a b c")
		k.wantServing(0, "a b c")
		k.set("b", ProbeFailed, true)
		k.wantServing(0, "a c") // the first change at once
		k.set("c", Ejected, true)
		k.wantServing(0, "a c")
		k.wantServing(recomputePause, "a")
		k.set("b", ProbeFailed, false)
		k.wantServing(recomputePause, "a b")
	})
}

func TestManyChangesAreOnePublication(t *testing.T) {
	keeping(t, Rules{}, func(k *kept) {
		var names []string
		for i := range 500 {
			names = append(names, fmt.Sprint("n", i))
		}
		k.list(strings.Join(names, " "))
		k.after(time.Second)
		published := 0
		defer k.Roster.Subscribe(func(*Snapshot) { published++ })()
		for i, name := range names[1:] {
			k.set(name, ProbeFailed, true)
			if i%5 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		k.wantServing(time.Second, "n0")
		if published > 4 { // the one it began with, and one in each tenth of a second
			t.Errorf("%d publications", published)
		}
	})
}

// weightOf is relative to an endpoint of the same weight that is warm.
func (k *kept) weightOf(name string) float64 {
	s := k.Roster.Snapshot()
	top := uint32(0)
	for _, m := range s.Members {
		top = max(top, m.Weight)
	}
	return float64(s.Find(name+":1").Weight) / float64(top)
}

func TestWhoJoinsRecoversOrReentersStartsSlowly(t *testing.T) {
	for what, begin := range map[string]func(k *kept){
		"joins": func(k *kept) { k.list("a b new") },
		"recovers": func(k *kept) {
			k.list("a b new")
			k.after(20 * time.Second)
			k.set("new", ProbeFailed, true)
			k.after(time.Second)
			k.set("new", ProbeFailed, false)
		},
		"re-enters": func(k *kept) {
			k.list("a b new")
			k.after(20 * time.Second)
			k.set("new", HalfOpen, true)
			k.after(time.Minute)
			k.set("new", HalfOpen, false)
		},
		"proves": func(k *kept) {
			k.list("a b new")
			k.set("new", Unchecked, true)
			k.after(time.Second)
			k.set("new", Unchecked, false)
		},
		"undrains": func(k *kept) { k.list("a b new/d"); k.after(20 * time.Second); k.list("a b new") },
	} {
		t.Run(what, func(t *testing.T) {
			keeping(t, Rules{SlowStart: 10 * time.Second}, func(k *kept) {
				k.list("a b")
				k.after(time.Minute)
				begin(k)
				k.after(recomputePause)
				start := k.weightOf("new")
				k.after(5 * time.Second)
				half := k.weightOf("new")
				k.after(6 * time.Second)
				if end := k.weightOf("new"); start > .12 || half < .45 || half > .6 || end != 1 {
					t.Errorf("its share was %v, then %v and %v", start, half, end)
				}
				if k.Roster.Snapshot().rising {
					t.Error("nothing rises any more")
				}
			})
		})
	}
}

func TestAtTheStartOfAPoolNobodyIsSpared(t *testing.T) {
	keeping(t, Rules{SlowStart: 10 * time.Second}, func(k *kept) {
		k.list("a")
		k.after(time.Second) // the list of a second source
		k.list("a b")
		if w := k.weightOf("b"); w != 1 {
			t.Errorf("its share is %v", w)
		}
	})
}

func TestAReloadDoesNotBeginARamp(t *testing.T) {
	keeping(t, Rules{SlowStart: 10 * time.Second}, func(k *kept) {
		k.list("a b")
		k.after(time.Minute)
		changed, err := Acquire(Definition{Config: 2, Name: t.Name(), Text: "changed", Rules: Rules{SlowStart: 10 * time.Second}, Run: idle})
		if err != nil {
			t.Fatal(err)
		}
		defer changed.Release()
		changed.Roster.Replace([]listing.Info{{Address: "a:1", Weight: 1}, {Address: "b:1", Weight: 1}, {Address: "c:1", Weight: 1}})
		s := changed.Roster.Snapshot()
		if s.Find("a:1").Ramp != 1 || s.Find("b:1").Ramp != 1 || s.Find("c:1").Ramp != rampFloor {
			t.Errorf("%v", s.Members)
		}
		if k.Roster.IsCurrent() || !changed.Roster.IsCurrent() {
			t.Error("the newest definition leads")
		}
	})
}

func TestEventsAreToldOnceAndInOrder(t *testing.T) {
	keeping(t, Rules{FailOpen: .6}, func(k *kept) {
		k.list("a b c")
		k.list("a b c/d")
		k.list("a b c/d")
		k.set("a", ProbeFailed, true)
		k.after(time.Second)
		k.set("b", ProbeFailed, true)
		k.after(time.Second)
		k.set("a", ProbeFailed, false)
		k.set("b", ProbeFailed, false)
		k.after(time.Second)
		k.list("")
		k.after(time.Second)
		k.list("a")
		k.after(time.Second)
		want := []string{"draining c:1", "fail_open <nil>", "fail_open_ended <nil>", "pool_empty <nil>", "pool_usable <nil>"}
		if !slices.Equal(k.events, want) {
			t.Errorf("events are %q, not %q", k.events, want)
		}
		if k.log.Len() != len(want) {
			t.Errorf("it logged %v", k.log.All())
		}
	})
}

func TestNothingWaitsForHandlersOfEvents(t *testing.T) {
	keeping(t, Rules{}, func(k *kept) {
		blocked := make(chan struct{})
		k.Roster.owner.Store(&Owner{Emit: func(string, map[string]any) { <-blocked }})
		k.list("a b/d")
		k.after(time.Second)
		k.set("a", ProbeFailed, true)
		k.wantServing(time.Second, "b")
		close(blocked)
	})
}
