package pool

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

func TestLossesBeyondTheLimitAreDoubted(t *testing.T) {
	const ten = "abcdefghij"
	for _, c := range []struct {
		why          string
		maxLoss      float64
		list, answer string
		believed     bool
	}{
		{"nothing lost", 80, ten, ten, true},
		{"a first list", 80, "", ten, true},
		{"empty after empty", 80, "", "", true},
		{"more", 80, "ab", ten, true},
		{"the limit", 80, ten, "ab", true},
		{"more than the limit", 80, ten, "a", false},
		{"all", 80, ten, "", false},
		{"all replaced", 80, "abcde", "fghij", false},
		{"the only one", 80, "a", "", false},
		{"the only one replaced", 80, "a", "b", false},
		{"nearly all, where only all is doubted", 100, ten, "a", true},
		{"all replaced, where only all is doubted", 100, "abcde", "fghij", true},
		{"all, where only all is doubted", 100, ten, "", false},
		{"one, where each is doubted", 0, ten, "abcdefghi", false},
		{"none, where each is doubted", 0, ten, ten + "k", true},
	} {
		g := lossGuard{maxLoss: c.maxLoss, grace: time.Second}
		if got := g.admits(infos(letters(c.list)...), infos(letters(c.answer)...), time.Now()); got != c.believed || g.holding == got {
			t.Errorf("%s: believed is %t", c.why, got)
		}
	}
}

func TestWithoutAGraceEverythingIsBelieved(t *testing.T) {
	g := lossGuard{maxLoss: 80}
	if !g.admits(infos("a:1"), infos(), time.Now()) {
		t.Error("doubted")
	}
}

// after sleeps and lets the pool settle.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestAnEmptyAnswerTakesEffectOnceItIsConfirmed(t *testing.T) {
	one(t, defaults(), func(f *fixture, s scripted) {
		s.lists(letters("abc")...)
		s.lists()
		f.has("abc")
		if status := f.is(1, endpoint.SourceHeld); time.Until(status.HeldUntil) != 30*time.Second || status.Entries != 3 {
			t.Errorf("status is %+v", status)
		}
		after(29 * time.Second)
		s.lists() // a polled source says it again
		f.has("abc")
		line := f.logged("not believed at once", 1)[0].ContextMap()
		if line["endpoints"] != int64(3) || line["lost"] != int64(3) {
			t.Errorf("logged %v", line)
		}
		after(time.Second)
		f.has("")
		f.is(1, endpoint.SourceLive)
		f.logged("the loss is confirmed", 1)
	})
}

func TestAnAnswerThatBringsAllBackCancelsTheLoss(t *testing.T) {
	one(t, defaults(), func(f *fixture, s scripted) {
		s.lists(letters("abc")...)
		s.lists()
		after(29 * time.Second)
		s.lists(letters("abc")...)
		f.is(1, endpoint.SourceLive)
		f.logged("the loss is over", 1)
		s.lists()
		after(29 * time.Second)
		f.has("abc")
		after(time.Second)
		f.has("")
	})
}

func TestAnErrorRestartsTheClockOfALoss(t *testing.T) {
	for name, fails := range map[string]func(scripted){
		"an error that ends the run":  func(s scripted) { s.breaks(errDown) },
		"an error that it gets over":  func(s scripted) { s.stumbles(errDown) },
		"a partial answer":            func(s scripted) { s.says(discovery.Answer{Endpoints: infos(), Err: errDown}) },
		"a partial answer that has a": func(s scripted) { s.says(discovery.Answer{Endpoints: infos("a:1"), Err: errDown}) },
	} {
		t.Run(name, func(t *testing.T) {
			one(t, defaults(), func(f *fixture, s scripted) {
				s.lists(letters("abcdefghij")...)
				s.lists()
				after(20 * time.Second)
				fails(s)
				after(time.Hour)
				f.has("abcdefghij")
				if status := f.is(1, endpoint.SourceHeld); !status.HeldUntil.IsZero() {
					t.Errorf("status is %+v", status)
				}
				s.lists()
				after(29 * time.Second)
				f.has("abcdefghij")
				after(time.Second)
				f.has("")
			})
		})
	}
}

func TestWhileALossIsHeldNewEndpointsAndNewWeightsAreTaken(t *testing.T) {
	one(t, defaults(), func(f *fixture, s scripted) {
		s.lists(letters("bcdefghijk")...)
		s.says(discovery.Answer{Endpoints: []listing.Info{{Address: "a:1", Weight: 1}, {Address: "b:1", Weight: 7}}})
		f.has("abcdefghijk")
		if w := f.roster.Snapshot().Find("b:1").Weight; w != 7 {
			t.Errorf("b has weight %d", w)
		}
		s.lists("x:1")
		f.has("bcdefghijkx") // nobody promised to keep what was never confirmed
		after(30 * time.Second)
		f.has("x")
	})
}

func TestEndpointsThatRegisterAgainDoNotCostThoseThatHaveNotYet(t *testing.T) {
	one(t, defaults(), func(f *fixture, s scripted) {
		s.lists(letters("abcdefghij")...)
		s.lists()
		for n := range 9 {
			after(5 * time.Second)
			s.lists(letters("abcdefghij"[:n])...)
			f.has("abcdefghij")
		}
		after(5 * time.Second)
		s.lists(letters("abcdefghi")...) // j does not come back
		f.has("abcdefghij")
		after(30 * time.Second)
		f.has("abcdefghi")
	})
}

func TestAFlappingLossIsConfirmedAllTheSame(t *testing.T) {
	one(t, defaults(), func(f *fixture, s scripted) {
		s.lists(letters("abcdefghij")...)
		s.lists()
		s.lists("a:1")
		for range 3 {
			after(9 * time.Second)
			s.lists()
			s.lists("a:1")
		}
		f.has("abcdefghij")
		after(3 * time.Second)
		f.has("a")
	})
}

func TestALossThatGetsWorseWaitsItsWholeGrace(t *testing.T) {
	one(t, defaults(), func(f *fixture, s scripted) {
		s.lists(letters("abcdefghij")...)
		s.lists()
		after(time.Second)
		s.lists(letters("abcdefghi")...)
		after(29 * time.Second)
		s.lists()
		after(29 * time.Second)
		f.has("abcdefghij")
		after(time.Second)
		f.has("")
	})
}

func TestAGradualLossPasses(t *testing.T) {
	one(t, defaults(), func(f *fixture, s scripted) {
		s.lists(letters("abcdefghij")...)
		s.lists(letters("abc")...)
		s.lists("a:1")
		f.has("a")
	})
}

func TestAFinalAnswerIsNotDoubted(t *testing.T) {
	one(t, defaults(), func(f *fixture, s scripted) {
		s.lists(letters("abc")...)
		s.lists()
		f.has("abc")
		s.finally()
		f.has("")
	})
}
