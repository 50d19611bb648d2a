package pool

import (
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// changes gives a test a pool that had the endpoints a and b of one source and c of another, right after its definition
// changed into one of the sources of the given keys.
func changes(t *testing.T, keys string, test func(f *fixture, sources []scripted)) {
	rules := defaults()
	rules.persist = false
	inBubble(t, rules, func(f *fixture) {
		first, second := make(scripted), make(scripted)
		f.start(first, second)
		first.lists("a:1", "b:1")
		second.lists("c:1")
		var sources []scripted
		var parts []sourceRef
		for i, key := range keys {
			sources = append(sources, make(scripted))
			parts = append(parts, sourceRef{source: sources[i], name: "scripted", position: i + 1, key: string(key)})
		}
		f.load(parts...)
		test(f, sources)
	})
}

func TestANewSourceTakesOverOnceItAnswers(t *testing.T) {
	changes(t, "x", func(f *fixture, s []scripted) {
		f.has("abc")
		f.is(1, endpoint.SourceWaiting)
		s[0].lists("z:1")
		f.has("z")
	})
}

func TestAReloadDuringAnOutageTakesNothingAway(t *testing.T) {
	changes(t, "x", func(f *fixture, s []scripted) {
		s[0].breaks(errDown)
		after(time.Hour)
		f.has("abc")
	})
}

func TestTheOldListStaysUntilEveryNewSourceHasAnswered(t *testing.T) {
	changes(t, "xy", func(f *fixture, s []scripted) {
		s[0].lists("z:1")
		f.has("abcz")
		s[1].lists("y:1")
		f.has("yz")
	})
}

func TestASourceThatNeverAnswersDoesNotKeepTheOldListForEver(t *testing.T) {
	changes(t, "xy", func(f *fixture, s []scripted) {
		s[0].lists("z:1")
		after(defaultInitialWait - 1)
		f.has("abcz")
		after(1)
		f.has("z")
	})
}

func TestASourceThatBothDefinitionsHaveKeepsItsOwnList(t *testing.T) {
	changes(t, "xa", func(f *fixture, s []scripted) { // a has the endpoints a and b
		f.is(2, endpoint.SourceStale)
		after(time.Hour)
		f.has("ab")
		s[0].lists("z:1")
		f.has("abz")
		s[1].lists()
		f.has("abz")
		f.is(2, endpoint.SourceHeld)
	})
}

func TestASourceThatWasTakenOutTakesItsEndpointsAlong(t *testing.T) {
	changes(t, "b", func(f *fixture, _ []scripted) {
		f.has("c")
	})
}

func TestNewSourcesThatAllSayEmptyAreNotBelievedAtOnce(t *testing.T) {
	changes(t, "xy", func(f *fixture, s []scripted) {
		s[0].lists()
		s[1].lists()
		after(29 * time.Second)
		f.has("abc")
		after(time.Second)
		f.has("")
	})
}

func TestNewSourcesThatAllMeanEmptyAreBelieved(t *testing.T) {
	changes(t, "xy", func(f *fixture, s []scripted) {
		s[0].finally()
		s[1].finally()
		f.has("")
	})
}
