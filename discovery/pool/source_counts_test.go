package pool

import (
	"errors"
	"testing"

	"github.com/caddy-balance/caddy-balance/discovery"
)

func TestTheAnswersOfASourceAreCounted(t *testing.T) {
	oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
		s.answers(discovery.Answer{Endpoints: endpoints(addresses("a")...), Partial: true})
		s.lists(addresses("abc")...)
		s.lists() // a loss of all, which is held
		s.lists()
		s.reportsError(errors.New("down"))
		s.answers(discovery.Answer{Endpoints: endpoints(addresses("abc")...), Err: errors.New("incomplete")})
		c := f.roster.SourceCounts(f.roster.Sources()[0].Name, 1)
		got := [4]uint64{c.Lists.Load(), c.Partial.Load(), c.Errors.Load(), c.Held.Load()}
		if want := [4]uint64{4, 1, 2, 1}; got != want {
			t.Errorf("lists, partial lists, errors and held lists: %v, want %v", got, want)
		}
	})
}
