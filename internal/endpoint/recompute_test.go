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

// runningPool is a pool with a running roster in a synctest bubble, with its log and its events.
type runningPool struct {
	*Claim
	t      *testing.T
	log    *observer.ObservedLogs
	events []string
}

func runPool(t *testing.T, rules Rules, test func(p *runningPool)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		core, log := observer.New(zap.DebugLevel)
		p := &runningPool{t: t, log: log}
		rules.Watched = everything
		c, err := Acquire(Definition{
			Config: t, Name: t.Name(), Rules: rules, Run: idle,
			Owner: Owner{Logger: zap.New(core), Emit: func(name string, data map[string]any) {
				p.events = append(p.events, strings.TrimSpace(fmt.Sprint(name, " ", data["address"])))
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Release()
		p.Claim = c
		test(p)
	})
}

// idle is the Run of a definition whose list only the test replaces.
func idle(ctx context.Context, _ *Roster) { <-ctx.Done() }

// replace publishes a list in the notation of members.
func (p *runningPool) replace(text string) {
	var infos []listing.Info
	for _, m := range members(text) {
		infos = append(infos, *m.Info)
	}
	p.Roster.Replace(infos)
}

func (p *runningPool) set(name string, c Condition, holds bool) {
	p.Roster.Snapshot().Find(name+":1").Set(c, holds)
}

// wait lets time pass, and returns the snapshot after it.
func (p *runningPool) wait(d time.Duration) *Snapshot {
	time.Sleep(d)
	synctest.Wait()
	return p.Roster.Snapshot()
}

func (p *runningPool) wantServing(after time.Duration, want string) {
	p.t.Helper()
	if got := serving(p.wait(after)); got != want {
		p.t.Errorf("%q serve; want %q", got, want)
	}
}

func TestSharesFollowConditions(t *testing.T) {
	runPool(t, Rules{}, func(p *runningPool) {
		p.replace("a b c")
		p.wantServing(0, "a b c")
		p.set("b", ProbeFailed, true)
		p.wantServing(0, "a c") // the first change takes effect at once
		p.set("c", Ejected, true)
		p.wantServing(0, "a c")
		p.wantServing(recomputePause, "a")
		p.set("b", ProbeFailed, false)
		p.wantServing(recomputePause, "a b")
	})
}

func TestManyChangesAreOnePublication(t *testing.T) {
	runPool(t, Rules{}, func(p *runningPool) {
		var names []string
		for i := range 500 {
			names = append(names, fmt.Sprint("n", i))
		}
		p.replace(strings.Join(names, " "))
		p.wait(time.Second)
		published := 0
		defer p.Roster.Subscribe(func(*Snapshot) { published++ })()
		for i, name := range names[1:] {
			p.set(name, ProbeFailed, true)
			if i%5 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		p.wantServing(time.Second, "n0")
		if published > 4 { // the first one, and one in each tenth of a second
			t.Errorf("%d publications", published)
		}
	})
}

// weightOf returns a weight relative to that of an endpoint with a full share.
func (p *runningPool) weightOf(name string) float64 {
	s := p.Roster.Snapshot()
	top := uint32(0)
	for _, m := range s.Members {
		top = max(top, m.Weight)
	}
	return float64(s.Find(name+":1").Weight) / float64(top)
}

func TestAnEndpointThatBeginsToServeStartsSlowly(t *testing.T) {
	for what, begin := range map[string]func(p *runningPool){
		"joins": func(p *runningPool) { p.replace("a b new") },
		"recovers": func(p *runningPool) {
			p.replace("a b new")
			p.wait(20 * time.Second)
			p.set("new", ProbeFailed, true)
			p.wait(time.Second)
			p.set("new", ProbeFailed, false)
		},
		"re-enters": func(p *runningPool) {
			p.replace("a b new")
			p.wait(20 * time.Second)
			p.set("new", HalfOpen, true)
			p.wait(time.Minute)
			p.set("new", HalfOpen, false)
		},
		"passes its first check": func(p *runningPool) {
			p.replace("a b new")
			p.set("new", Unchecked, true)
			p.wait(time.Second)
			p.set("new", Unchecked, false)
		},
		"stops draining": func(p *runningPool) { p.replace("a b new/d"); p.wait(20 * time.Second); p.replace("a b new") },
	} {
		t.Run(what, func(t *testing.T) {
			runPool(t, Rules{SlowStart: 10 * time.Second}, func(p *runningPool) {
				p.replace("a b")
				p.wait(time.Minute)
				begin(p)
				p.wait(recomputePause)
				start := p.weightOf("new")
				p.wait(5 * time.Second)
				half := p.weightOf("new")
				p.wait(6 * time.Second)
				if end := p.weightOf("new"); start > .12 || half < .45 || half > .6 || end != 1 {
					t.Errorf("its share was %v, then %v and %v", start, half, end)
				}
				if p.Roster.Snapshot().ramping {
					t.Error("the snapshot is still ramping")
				}
			})
		})
	}
}

func TestAtTheStartOfAPoolNoEndpointRamps(t *testing.T) {
	runPool(t, Rules{SlowStart: 10 * time.Second}, func(p *runningPool) {
		p.replace("a")
		p.wait(time.Second) // the list of a second source
		p.replace("a b")
		if w := p.weightOf("b"); w != 1 {
			t.Errorf("its share is %v", w)
		}
	})
}

func TestAReloadDoesNotBeginARamp(t *testing.T) {
	runPool(t, Rules{SlowStart: 10 * time.Second}, func(p *runningPool) {
		p.replace("a b")
		p.wait(time.Minute)
		changed, err := Acquire(Definition{
			Config: 2, Name: t.Name(), Text: "changed", Rules: Rules{SlowStart: 10 * time.Second}, Run: idle,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer changed.Release()
		changed.Roster.Replace(infos("a:1", "b:1", "c:1"))
		s := changed.Roster.Snapshot()
		if s.Find("a:1").Ramp != 1 || s.Find("b:1").Ramp != 1 || s.Find("c:1").Ramp != rampFloor {
			t.Errorf("%v", s.Members)
		}
		if p.Roster.IsCurrent() || !changed.Roster.IsCurrent() {
			t.Error("the newest definition is not the current one")
		}
	})
}

func TestEventsAreEmittedOnceAndInOrder(t *testing.T) {
	runPool(t, Rules{FailOpen: .6}, func(p *runningPool) {
		p.replace("a b c")
		p.replace("a b c/d")
		p.replace("a b c/d")
		p.set("a", ProbeFailed, true)
		p.wait(time.Second)
		p.set("b", ProbeFailed, true)
		p.wait(time.Second)
		p.set("a", ProbeFailed, false)
		p.set("b", ProbeFailed, false)
		p.wait(time.Second)
		p.replace("")
		p.wait(time.Second)
		p.replace("a")
		p.wait(time.Second)
		want := []string{"draining c:1", "fail_open <nil>", "fail_open_ended <nil>", "pool_empty <nil>", "pool_usable <nil>"}
		if !slices.Equal(p.events, want) {
			t.Errorf("events are %q; want %q", p.events, want)
		}
		if p.log.Len() != len(want) {
			t.Errorf("the log is %v", p.log.All())
		}
	})
}

func TestSharesDoNotWaitForEventHandlers(t *testing.T) {
	runPool(t, Rules{}, func(p *runningPool) {
		blocked := make(chan struct{})
		p.Roster.owner.Store(&Owner{Emit: func(string, map[string]any) { <-blocked }})
		p.replace("a b/d")
		p.wait(time.Second)
		p.set("a", ProbeFailed, true)
		p.wantServing(time.Second, "b")
		close(blocked)
	})
}
