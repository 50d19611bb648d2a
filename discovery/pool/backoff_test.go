package pool

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/discovery/static"
)

func TestPausesAreDrawnBetweenASecondAndABoundThatDoubles(t *testing.T) {
	for failures, bound := range map[int]time.Duration{
		1: 2 * time.Second, 2: 4 * time.Second, 3: 8 * time.Second, 4: 16 * time.Second, 5: 32 * time.Second,
		6: time.Minute, 7: time.Minute, 1000: time.Minute,
	} {
		if least := pauseAfter(failures, 0); least != time.Second {
			t.Errorf("after %d failures: at least %s", failures, least)
		}
		if most := pauseAfter(failures, 1); most != bound {
			t.Errorf("after %d failures: at most %s, want %s", failures, most, bound)
		}
	}
}

// failingSource ends each run with an error, and answers before that in some runs.
type failingSource struct {
	runs    []time.Time
	answers map[int]bool
}

func (s *failingSource) Run(_ context.Context, report discovery.Report) error {
	if s.answers[len(s.runs)] {
		report(discovery.Answer{Endpoints: endpoints("a:1")})
	}
	s.runs = append(s.runs, time.Now())
	return errDown
}

func TestPausesGrowUntilAnAnswerComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		s := &failingSource{answers: map[int]bool{10: true}}
		superviseSource(ctx, s, func(discovery.Answer) {})
		if n := len(s.runs); n < 60 || n > 360 {
			t.Errorf("ran %d times in an hour", n)
		}
		for i := 1; i < len(s.runs); i++ {
			failures := i // in a row, at the pause between the runs i-1 and i
			if i > 10 {
				failures = i - 10
			}
			pause := s.runs[i].Sub(s.runs[i-1])
			if pause < time.Second || pause > pauseAfter(failures, 1) {
				t.Errorf("paused %s after %d failures", pause, failures)
			}
		}
	})
}

func TestASourceThatReturnsNilIsNotRunAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		answers := 0
		superviseSource(ctx, &static.Source{}, func(discovery.Answer) { answers++ })
		if answers != 1 || ctx.Err() == nil {
			t.Errorf("%d answers", answers)
		}
	})
}

func TestAnErrorAtTheEndOfThePoolIsNotLogged(t *testing.T) {
	oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
		s.lists("a:1")
		log := f.log
		f.stop()
		if log.FilterMessage("discovery failed").Len() != 0 {
			t.Errorf("logged %v", log.All())
		}
	})
}
