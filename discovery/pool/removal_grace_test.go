package pool

import (
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// withRemovalGrace returns the default settings with a removal grace of a minute.
func withRemovalGrace() followSettings {
	settings := defaultSettings()
	settings.removalGrace = time.Minute
	return settings
}

func TestAnEndpointThatVanishesServesForItsGrace(t *testing.T) {
	oneSource(t, withRemovalGrace(), func(f *fixture, s scriptedSource) {
		s.lists(addresses("abc")...)
		s.lists(addresses("ab")...)
		sleepAndSettle(59 * time.Second)
		s.lists(addresses("a")...) // each has a grace of its own
		f.wantMembers("abc")
		sleepAndSettle(time.Second)
		f.wantMembers("ab")
		sleepAndSettle(59 * time.Second)
		f.wantMembers("a")
	})
}

func TestAnEndpointThatVanishesAndFailsGoesWithinASecond(t *testing.T) {
	oneSource(t, withRemovalGrace(), func(f *fixture, s scriptedSource) {
		s.lists(addresses("abc")...)
		s.lists(addresses("a")...)
		f.wantMembers("abc")
		f.roster.Snapshot().Find("b:1").Set(endpoint.ProbeFailed, true)
		sleepAndSettle(time.Second)
		f.wantMembers("ac")
	})
}

func TestAnEndpointThatComesBackHasItsWholeGraceAgain(t *testing.T) {
	oneSource(t, withRemovalGrace(), func(f *fixture, s scriptedSource) {
		s.lists(addresses("ab")...)
		for range 5 { // flapping membership
			s.lists(addresses("a")...)
			sleepAndSettle(50 * time.Second)
			s.lists(addresses("ab")...)
			sleepAndSettle(50 * time.Second)
			f.wantMembers("ab")
		}
		f.wantLogged("pool changed", 1)
	})
}

func TestThereIsNoGraceForAnIntendedRemoval(t *testing.T) {
	oneSource(t, withRemovalGrace(), func(f *fixture, s scriptedSource) {
		s.lists(addresses("abc")...)
		s.lists(addresses("ab")...)
		s.listsAuthoritatively(addresses("a")...)
		f.wantMembers("a")
	})
}

func TestThereIsNoGraceForAnEndpointThatDrained(t *testing.T) {
	oneSource(t, withRemovalGrace(), func(f *fixture, s scriptedSource) {
		s.answers(discovery.Answer{Endpoints: []discovery.Endpoint{
			{Address: "a:1", Weight: 1}, {Address: "b:1"}, {Address: "c:1", Weight: 1, Draining: true},
		}})
		f.wantMembers("abc")
		s.lists("a:1")
		f.wantMembers("a")
	})
}

func TestAConfirmedLossHasItsGraceToo(t *testing.T) {
	oneSource(t, withRemovalGrace(), func(f *fixture, s scriptedSource) {
		s.lists(addresses("abc")...)
		s.lists()
		sleepAndSettle(30*time.Second + 59*time.Second)
		f.wantMembers("abc")
		sleepAndSettle(time.Second)
		f.wantMembers("")
	})
}

// A registry that names a random part of its endpoints each time replaces all of them at times.
func TestEndpointsThatOnlyHeldAnswersNamedHaveTheirGraceToo(t *testing.T) {
	oneSource(t, withRemovalGrace(), func(f *fixture, s scriptedSource) {
		s.lists(addresses("abc")...)
		s.lists(addresses("de")...)
		f.wantState(1, endpoint.SourceHeld)
		sleepAndSettle(20 * time.Second)
		s.lists(addresses("fg")...)
		f.wantState(1, endpoint.SourceHeld)
		f.wantMembers("abcdefg")
		sleepAndSettle(5 * time.Second)
		s.lists(addresses("abcd")...)
		f.wantState(1, endpoint.SourceLive)
		f.wantMembers("abcdefg")
		sleepAndSettle(55 * time.Second)
		f.wantMembers("abcdfg") // a minute after the last answer that named e
		sleepAndSettle(5 * time.Second)
		f.wantMembers("abcd")
	})
}
