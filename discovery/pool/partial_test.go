package pool

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// listsPart reports a part of a list.
func (s scriptedSource) listsPart(addresses ...string) {
	s.answers(discovery.Answer{Endpoints: endpoints(addresses...), Partial: true})
}

func TestAPartOfAListServesUntilTheWholeComes(t *testing.T) {
	oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
		s.listsPart()
		if f.hasList() {
			t.Error("an empty part counts as a list")
		}
		s.listsPart(addresses("ab")...)
		f.wantMembers("ab")
		f.wantState(1, endpoint.SourceStale)
		s.listsPart(addresses("bc")...)
		f.wantMembers("bc")
		f.wantLogged("incomplete list serves until the source answers", 1)
		s.lists(addresses("xyz")...)
		f.wantMembers("xyz") // not held back, because a part is no measure of a loss
		f.wantState(1, endpoint.SourceLive)
		s.listsPart(addresses("x")...)
		f.wantMembers("xyz")
	})
}

func TestAPartIsNotStoredAndTheWholeIsEvenIfItIsTheSame(t *testing.T) {
	oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
		s.listsPart("a:1")
		sleepAndSettle(time.Minute)
		if n := f.storage.Writes(); n != 0 {
			t.Errorf("stored %d times", n)
		}
		s.lists("a:1")
		sleepAndSettle(time.Minute)
		if _, value := f.storage.Only(); !strings.Contains(value, "a:1") {
			t.Errorf("stored %s", value)
		}
	})
}

func TestAStoredListIsBetterThanAPart(t *testing.T) {
	for name, before := range map[string]bool{"the part comes first": false, "the stored list is there": true} {
		t.Run(name, func(t *testing.T) {
			afterRestart(t, defaultSettings(), storedAB, func(f *fixture, s scriptedSource) {
				if before {
					sleepAndSettle(time.Second)
				}
				s.listsPart(addresses("c")...)
				s.fails(errors.New("truncated"))
				f.wantMembers("ab")
				sleepAndSettle(time.Minute)
				f.wantMembers("ab")
				s.lists(addresses("c")...)
				f.wantMembers("c")
			})
		})
	}
}

func TestAListOfThePreviousDefinitionIsBetterThanAPart(t *testing.T) {
	oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
		s.lists(addresses("ab")...)
		next := make(scriptedSource)
		f.load(sourceRef{source: next, name: "scripted", position: 1, key: "other"})
		next.listsPart(addresses("a")...)
		f.wantMembers("ab")
		next.lists(addresses("ac")...)
		f.wantMembers("ac")
	})
}

func TestAPartDoesNotShortenThePauseAfterErrors(t *testing.T) {
	oneSource(t, defaultSettings(), func(_ *fixture, s scriptedSource) {
		began := time.Now()
		for range 30 { // so that chance, which chooses each pause, does not matter
			s.listsPart("a:1")
			s.fails(errors.New("truncated"))
		}
		if took := time.Since(began); took < 2*time.Minute {
			t.Errorf("asked 30 times in %s; want pauses that grow", took)
		}
	})
}

func TestThePartOfAListIsDueAfterHalfOfTheInitialWait(t *testing.T) {
	inVirtualTime(t, defaultSettings(), func(f *fixture) {
		began := time.Now()
		f.start(runFunc(func(ctx context.Context, _ discovery.Report) error {
			if at, waits := discovery.FirstListBy(ctx); !waits || at.Sub(began) != defaultInitialWait/2 {
				t.Errorf("a part is due after %s, %t", at.Sub(began), waits)
			}
			<-ctx.Done()
			return nil
		}))
	})
}

type runFunc func(context.Context, discovery.Report) error

func (run runFunc) Run(ctx context.Context, report discovery.Report) error { return run(ctx, report) }
