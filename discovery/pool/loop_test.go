package pool

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

var errDown = errors.New("registry is down")

func TestSourcesAreMergedInTheOrderOfAddresses(t *testing.T) {
	two(t, defaults(), func(f *fixture, first, second scripted) {
		second.lists("d:1", "b:1")
		first.lists("c:1", "a:1")
		f.has("abcd")
	})
}

func TestTheFirstSourceWinsOnADuplicateAddress(t *testing.T) {
	two(t, defaults(), func(f *fixture, first, second scripted) {
		weigh := func(s scripted, weight int) {
			s.says(discovery.Answer{Endpoints: []listing.Info{{Address: "a:1", Weight: weight}}})
		}
		weigh(second, 2)
		weigh(first, 1)
		weigh(second, 3)
		if w := f.roster.Snapshot().Find("a:1").Weight; w != 1 {
			t.Errorf("weight is %d, want that of the first source", w)
		}
	})
}

func TestASourceThatFailsTakesNothingAway(t *testing.T) {
	two(t, defaults(), func(f *fixture, first, second scripted) {
		first.lists("a:1")
		second.lists("b:1")
		first.breaks(errDown)
		second.lists("b:1", "c:1")
		f.has("abc")
		f.is(1, endpoint.SourceStale)
		f.is(2, endpoint.SourceLive)
	})
}

func TestAnEmptyListIsAnAnswerAndAnErrorIsNone(t *testing.T) {
	two(t, defaults(), func(f *fixture, first, second scripted) {
		first.stumbles(errDown)
		if f.answered() {
			t.Error("an error counts as an answer")
		}
		second.lists()
		if !f.answered() {
			t.Error("an empty list does not count as an answer")
		}
	})
}

func TestAnEmptyFirstListWaitsForTheOtherSources(t *testing.T) {
	two(t, defaults(), func(f *fixture, first, second scripted) {
		first.lists()
		if f.answered() {
			t.Error("requests were told of no endpoints before the second source said anything")
		}
		second.lists("a:1")
		f.has("a")
	})
}

func TestOneLineIsLoggedForEachChange(t *testing.T) {
	two(t, defaults(), func(f *fixture, first, _ scripted) {
		first.finally(letters("abcdefg")...)
		first.finally(letters("abcdefg")...)
		first.finally("a:1")
		lines := f.logged("pool changed", 2)
		added, removed := lines[0].ContextMap(), lines[1].ContextMap()
		if added["added"] != int64(7) || len(added["added_addresses"].([]any)) != firstFew || removed["removed"] != int64(6) {
			t.Errorf("logged %v and %v", added, removed)
		}
	})
}

func TestReleasingThePoolEndsItsSources(t *testing.T) {
	two(t, defaults(), func(_ *fixture, first, _ scripted) {
		first.lists("a:1")
		time.Sleep(time.Hour) // the bubble fails if anything is left when the test ends
	})
}

func TestTenThousandRegistrationsInASecondCostAFewPublications(t *testing.T) {
	rules := defaults()
	rules.updateInterval = 100 * time.Millisecond
	one(t, rules, func(f *fixture, s scripted) {
		published := -1 // the list as it is when one begins to follow
		defer f.roster.Subscribe(func(*endpoint.Snapshot) { published++ })()
		list := infos()
		for i := range 1000 { // ten at a time
			for j := range 10 {
				list = append(list, listing.Info{Address: fmt.Sprintf("e:%d", 10000+10*i+j), Weight: 1})
			}
			answer := discovery.Answer{Endpoints: slices.Clone(list)}
			s <- func(report discovery.Report) error { report(answer); return nil }
			time.Sleep(time.Millisecond)
		}
		time.Sleep(rules.updateInterval)
		synctest.Wait()
		if n := len(f.roster.Snapshot().Members); n != 10_000 || published > 12 {
			t.Errorf("%d endpoints after %d publications", n, published)
		}
	})
}

func TestTheFirstChangeAfterQuietIsPublishedAtOnceAndTheLastIsNotLost(t *testing.T) {
	rules := defaults()
	rules.updateInterval = 100 * time.Millisecond
	one(t, rules, func(f *fixture, s scripted) {
		s.lists("a:1")
		f.has("a")
		s.lists("a:1", "b:1")
		s.lists("a:1", "b:1", "c:1")
		f.has("a")
		time.Sleep(rules.updateInterval)
		synctest.Wait()
		f.has("abc")
		time.Sleep(time.Second)
		s.lists("a:1", "b:1")
		f.has("ab")
	})
}

func TestAPoolThatHasNobodyDoesNotWaitForTheInterval(t *testing.T) {
	rules := defaults()
	rules.updateInterval = time.Hour
	two(t, rules, func(f *fixture, first, second scripted) {
		first.lists()
		second.lists()
		second.lists("a:1")
		f.has("a")
	})
}

func TestAPanicIsAnErrorOfThatSourceAlone(t *testing.T) {
	two(t, defaults(), func(f *fixture, first, second scripted) {
		first.lists("a:1")
		panics := func() { first <- func(discovery.Report) error { panic("nil map") } }
		panics()
		time.Sleep(3 * time.Second)
		panics()
		second.lists("b:1")
		f.has("ab")
		line := f.logged("discovery failed", 1)[0].ContextMap()
		if line["error"] != "the source panicked: nil map" || line["stack"] == "" {
			t.Errorf("logged %v", line)
		}
		time.Sleep(time.Minute)
		first.lists("a:1", "c:1")
		f.has("abc")
		f.logged("discovery works again", 1)
	})
}

func TestErrorsAreLoggedOncePerChangeAndOnceWhenTheyAreOver(t *testing.T) {
	one(t, defaults(), func(f *fixture, s scripted) {
		s.lists("a:1")
		for range 5 {
			s.breaks(errDown)
			time.Sleep(time.Minute)
		}
		s.breaks(errors.New("no leader"))
		f.logged("discovery failed", 2)
		time.Sleep(time.Minute)
		s.lists("a:1")
		if line := f.logged("discovery works again", 1)[0].ContextMap(); line["after"] != (6 * time.Minute) {
			t.Errorf("logged %v", line)
		}
		if s := f.is(1, endpoint.SourceLive); s.LastError != "no leader" || time.Since(s.LastErrorAt) != time.Minute || s.Age(time.Now()) != 0 {
			t.Errorf("status is %+v", s)
		}
	})
}

func TestDroppedEntriesAreLoggedOncePerChange(t *testing.T) {
	one(t, defaults(), func(f *fixture, s scripted) {
		drops := func(keys ...string) {
			a := discovery.Answer{Endpoints: infos("a:1")}
			for _, key := range keys {
				a.Dropped = append(a.Dropped, discovery.Dropped{Key: key, Err: errors.New("address: is missing")})
			}
			s.says(a)
		}
		drops("web/1", "web/2")
		drops("web/2", "web/1")
		f.logged("entries were dropped", 1)
		drops("web/1", "web/2", "web/3", "web/4", "web/5", "web/6")
		line := f.logged("entries were dropped", 2)[1].ContextMap()
		if first := line["first"].([]any); line["dropped"] != int64(6) || len(first) != firstFew || first[0] != "web/1: address: is missing" {
			t.Errorf("logged %v", line)
		}
		if s := f.is(1, endpoint.SourceLive); s.Dropped != 6 || len(s.FirstDropped) != firstFew || s.Entries != 1 {
			t.Errorf("status is %+v", s)
		}
		drops()
		f.logged("entries were dropped", 2)
	})
}
