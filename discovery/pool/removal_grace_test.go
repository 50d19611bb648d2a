package pool

import (
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// graceful are rules with a removal grace of a minute.
func graceful() followSettings {
	rules := defaults()
	rules.removalGrace = time.Minute
	return rules
}

func TestAnEndpointThatVanishesServesForItsGrace(t *testing.T) {
	one(t, graceful(), func(f *fixture, s scripted) {
		s.lists(letters("abc")...)
		s.lists(letters("ab")...)
		after(59 * time.Second)
		s.lists(letters("a")...) // each has a grace of its own
		f.has("abc")
		after(time.Second)
		f.has("ab")
		after(59 * time.Second)
		f.has("a")
	})
}

func TestAnEndpointThatVanishesAndFailsGoesWithinASecond(t *testing.T) {
	one(t, graceful(), func(f *fixture, s scripted) {
		s.lists(letters("abc")...)
		s.lists(letters("a")...)
		f.has("abc")
		f.roster.Snapshot().Find("b:1").Set(endpoint.ProbeFailed, true)
		after(time.Second)
		f.has("ac")
	})
}

func TestAnEndpointThatComesBackStartsAnew(t *testing.T) {
	one(t, graceful(), func(f *fixture, s scripted) {
		s.lists(letters("ab")...)
		for range 5 { // flapping membership
			s.lists(letters("a")...)
			after(50 * time.Second)
			s.lists(letters("ab")...)
			after(50 * time.Second)
			f.has("ab")
		}
		f.logged("pool changed", 1)
	})
}

func TestThereIsNoGraceForARemovalThatIsMeant(t *testing.T) {
	one(t, graceful(), func(f *fixture, s scripted) {
		s.lists(letters("abc")...)
		s.lists(letters("ab")...)
		s.finally(letters("a")...)
		f.has("a")
	})
}

func TestThereIsNoGraceForAnEndpointThatDrained(t *testing.T) {
	one(t, graceful(), func(f *fixture, s scripted) {
		s.says(discovery.Answer{Endpoints: []listing.Info{{Address: "a:1", Weight: 1}, {Address: "b:1"}, {Address: "c:1", Weight: 1, Draining: true}}})
		f.has("abc")
		s.lists("a:1")
		f.has("a")
	})
}

func TestAConfirmedLossHasItsGraceToo(t *testing.T) {
	one(t, graceful(), func(f *fixture, s scripted) {
		s.lists(letters("abc")...)
		s.lists()
		after(30*time.Second + 59*time.Second)
		f.has("abc")
		after(time.Second)
		f.has("")
	})
}
