package pool

import (
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// afterReload runs a test on a pool right after a reload changed its sources. Before the reload,
// the source with the key a had the endpoints a and b, and the source with the key b had the
// endpoint c. keys are those of the new sources.
func afterReload(t *testing.T, keys string, test func(f *fixture, sources []scriptedSource)) {
	settings := defaultSettings()
	settings.persist = false
	inVirtualTime(t, settings, func(f *fixture) {
		first, second := make(scriptedSource), make(scriptedSource)
		f.start(first, second)
		first.lists("a:1", "b:1")
		second.lists("c:1")
		var sources []scriptedSource
		var refs []sourceRef
		for i, key := range keys {
			s := make(scriptedSource)
			sources = append(sources, s)
			refs = append(refs, sourceRef{source: s, name: "scripted", position: i + 1, key: string(key)})
		}
		f.load(refs...)
		test(f, sources)
	})
}

func TestANewSourceTakesOverOnceItAnswers(t *testing.T) {
	afterReload(t, "x", func(f *fixture, s []scriptedSource) {
		f.wantMembers("abc")
		f.wantState(1, endpoint.SourceWaiting)
		s[0].lists("z:1")
		f.wantMembers("z")
	})
}

func TestAReloadDuringAnOutageRemovesNothing(t *testing.T) {
	afterReload(t, "x", func(f *fixture, s []scriptedSource) {
		s[0].fails(errDown)
		sleepAndSettle(time.Hour)
		f.wantMembers("abc")
	})
}

func TestTheOldListStaysUntilEveryNewSourceHasAnswered(t *testing.T) {
	afterReload(t, "xy", func(f *fixture, s []scriptedSource) {
		s[0].lists("z:1")
		f.wantMembers("abcz")
		s[1].lists("y:1")
		f.wantMembers("yz")
	})
}

func TestASourceThatNeverAnswersDoesNotKeepTheOldListForEver(t *testing.T) {
	afterReload(t, "xy", func(f *fixture, s []scriptedSource) {
		s[0].lists("z:1")
		sleepAndSettle(defaultInitialWait - 1)
		f.wantMembers("abcz")
		sleepAndSettle(1)
		f.wantMembers("z")
	})
}

func TestASourceThatBothDefinitionsHaveKeepsItsOwnList(t *testing.T) {
	afterReload(t, "xa", func(f *fixture, s []scriptedSource) { // a has the endpoints a and b
		f.wantState(2, endpoint.SourceStale)
		sleepAndSettle(time.Hour)
		f.wantMembers("ab")
		s[0].lists("z:1")
		f.wantMembers("abz")
		s[1].lists()
		f.wantMembers("abz")
		f.wantState(2, endpoint.SourceHeld)
	})
}

func TestASourceThatIsRemovedRemovesItsEndpoints(t *testing.T) {
	afterReload(t, "b", func(f *fixture, _ []scriptedSource) {
		f.wantMembers("c")
	})
}

func TestEmptyListsOfAllNewSourcesTakeEffectAfterAWhile(t *testing.T) {
	afterReload(t, "xy", func(f *fixture, s []scriptedSource) {
		s[0].lists()
		s[1].lists()
		sleepAndSettle(29 * time.Second)
		f.wantMembers("abc")
		sleepAndSettle(time.Second)
		f.wantMembers("")
	})
}

func TestAuthoritativeEmptyListsOfAllNewSourcesTakeEffectAtOnce(t *testing.T) {
	afterReload(t, "xy", func(f *fixture, s []scriptedSource) {
		s[0].listsAuthoritatively()
		s[1].listsAuthoritatively()
		f.wantMembers("")
	})
}
