package pool

import (
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

func TestLossesBeyondTheLimitAreHeld(t *testing.T) {
	const ten = "abcdefghij"
	for _, c := range []struct {
		why          string
		maxLoss      float64
		list, answer string
		admitted     bool
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
		{"nearly all, where only all is held", 100, ten, "a", true},
		{"all replaced, where only all is held", 100, "abcde", "fghij", true},
		{"all, where only all is held", 100, ten, "", false},
		{"one, where each is held", 0, ten, "abcdefghi", false},
		{"none, where each is held", 0, ten, ten + "k", true},
	} {
		g := lossGuard{maxLoss: c.maxLoss, grace: time.Second}
		list, answer := endpoints(addresses(c.list)...), endpoints(addresses(c.answer)...)
		if got := g.admit(list, answer, time.Now()); got != c.admitted || g.holding == got {
			t.Errorf("%s: admitted is %t", c.why, got)
		}
	}
}

func TestWithoutAGraceEveryLossTakesEffect(t *testing.T) {
	g := lossGuard{maxLoss: 80}
	if !g.admit(endpoints("a:1"), endpoints(), time.Now()) {
		t.Error("the loss is held")
	}
}

func TestAnEmptyAnswerTakesEffectOnceItIsConfirmed(t *testing.T) {
	oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
		s.lists(addresses("abc")...)
		s.lists()
		f.wantMembers("abc")
		status := f.wantState(1, endpoint.SourceHeld)
		if time.Until(status.HeldUntil) != 30*time.Second || status.Entries != 3 {
			t.Errorf("status is %+v", status)
		}
		sleepAndSettle(29 * time.Second)
		s.lists() // a polled source repeats its answer
		f.wantMembers("abc")
		line := f.wantLogged("loss is held back", 1)[0].ContextMap()
		if line["endpoints"] != int64(3) || line["lost"] != int64(3) {
			t.Errorf("logged %v", line)
		}
		sleepAndSettle(time.Second)
		f.wantMembers("")
		f.wantState(1, endpoint.SourceLive)
		f.wantLogged("loss is confirmed", 1)
	})
}

func TestAnAnswerThatBringsAllBackCancelsTheLoss(t *testing.T) {
	oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
		s.lists(addresses("abc")...)
		s.lists()
		sleepAndSettle(29 * time.Second)
		s.lists(addresses("abc")...)
		f.wantState(1, endpoint.SourceLive)
		f.wantLogged("loss is over", 1)
		s.lists()
		sleepAndSettle(29 * time.Second)
		f.wantMembers("abc")
		sleepAndSettle(time.Second)
		f.wantMembers("")
	})
}

func TestAnErrorRestartsTheClockOfALoss(t *testing.T) {
	for name, fails := range map[string]func(scriptedSource){
		"an error that ends the run": func(s scriptedSource) { s.fails(errDown) },
		"an error that does not":     func(s scriptedSource) { s.reportsError(errDown) },
		"a partial answer": func(s scriptedSource) {
			s.answers(discovery.Answer{Endpoints: endpoints(), Err: errDown})
		},
		"a partial answer that has a": func(s scriptedSource) {
			s.answers(discovery.Answer{Endpoints: endpoints("a:1"), Err: errDown})
		},
	} {
		t.Run(name, func(t *testing.T) {
			oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
				s.lists(addresses("abcdefghij")...)
				s.lists()
				sleepAndSettle(20 * time.Second)
				fails(s)
				sleepAndSettle(time.Hour)
				f.wantMembers("abcdefghij")
				if status := f.wantState(1, endpoint.SourceHeld); !status.HeldUntil.IsZero() {
					t.Errorf("status is %+v", status)
				}
				s.lists()
				sleepAndSettle(29 * time.Second)
				f.wantMembers("abcdefghij")
				sleepAndSettle(time.Second)
				f.wantMembers("")
			})
		})
	}
}

func TestWhileALossIsHeldNewEndpointsAndNewWeightsCount(t *testing.T) {
	oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
		s.lists(addresses("bcdefghijk")...)
		s.answers(discovery.Answer{Endpoints: []discovery.Endpoint{{Address: "a:1", Weight: 1}, {Address: "b:1", Weight: 7}}})
		f.wantMembers("abcdefghijk")
		if w := f.roster.Snapshot().Find("b:1").Weight; w != 7 {
			t.Errorf("b has weight %d", w)
		}
		s.lists("x:1")
		f.wantMembers("bcdefghijkx") // b of the held answer was never confirmed, so it does not stay
		sleepAndSettle(30 * time.Second)
		f.wantMembers("x")
	})
}

func TestEndpointsThatRegisterAgainDoNotCostThoseThatHaveNotYet(t *testing.T) {
	oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
		s.lists(addresses("abcdefghij")...)
		s.lists()
		for n := range 9 {
			sleepAndSettle(5 * time.Second)
			s.lists(addresses("abcdefghij"[:n])...)
			f.wantMembers("abcdefghij")
		}
		sleepAndSettle(5 * time.Second)
		s.lists(addresses("abcdefghi")...) // j does not come back
		f.wantMembers("abcdefghij")
		sleepAndSettle(30 * time.Second)
		f.wantMembers("abcdefghi")
	})
}

func TestAFlappingLossTakesEffect(t *testing.T) {
	oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
		s.lists(addresses("abcdefghij")...)
		s.lists()
		s.lists("a:1")
		for range 3 {
			sleepAndSettle(9 * time.Second)
			s.lists()
			s.lists("a:1")
		}
		f.wantMembers("abcdefghij")
		sleepAndSettle(3 * time.Second)
		f.wantMembers("a")
	})
}

func TestALossThatGetsWorseWaitsItsWholeGrace(t *testing.T) {
	oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
		s.lists(addresses("abcdefghij")...)
		s.lists()
		sleepAndSettle(time.Second)
		s.lists(addresses("abcdefghi")...)
		sleepAndSettle(29 * time.Second)
		s.lists()
		sleepAndSettle(29 * time.Second)
		f.wantMembers("abcdefghij")
		sleepAndSettle(time.Second)
		f.wantMembers("")
	})
}

func TestAGradualLossTakesEffectAtOnce(t *testing.T) {
	oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
		s.lists(addresses("abcdefghij")...)
		s.lists(addresses("abc")...)
		s.lists("a:1")
		f.wantMembers("a")
	})
}

func TestAnAuthoritativeAnswerTakesEffectAtOnce(t *testing.T) {
	oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
		s.lists(addresses("abc")...)
		s.lists()
		f.wantMembers("abc")
		s.listsAuthoritatively()
		f.wantMembers("")
	})
}
