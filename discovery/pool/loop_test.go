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
)

var errDown = errors.New("registry is down")

func TestSourcesAreMergedInTheOrderOfAddresses(t *testing.T) {
	twoSources(t, defaultSettings(), func(f *fixture, first, second scriptedSource) {
		second.lists("d:1", "b:1")
		first.lists("c:1", "a:1")
		f.wantMembers("abcd")
	})
}

func TestTheFirstSourceWinsOnADuplicateAddress(t *testing.T) {
	twoSources(t, defaultSettings(), func(f *fixture, first, second scriptedSource) {
		listsWeight := func(s scriptedSource, weight int) {
			s.answers(discovery.Answer{Endpoints: []discovery.Endpoint{{Address: "a:1", Weight: weight}}})
		}
		listsWeight(second, 2)
		listsWeight(first, 1)
		listsWeight(second, 3)
		if w := f.roster.Snapshot().Find("a:1").Weight; w != 1 {
			t.Errorf("weight is %d, want that of the first source", w)
		}
	})
}

func TestASourceThatFailsRemovesNothing(t *testing.T) {
	twoSources(t, defaultSettings(), func(f *fixture, first, second scriptedSource) {
		first.lists("a:1")
		second.lists("b:1")
		first.fails(errDown)
		second.lists("b:1", "c:1")
		f.wantMembers("abc")
		f.wantState(1, endpoint.SourceStale)
		f.wantState(2, endpoint.SourceLive)
	})
}

func TestAnEmptyListEndsTheWaitAndAnErrorDoesNot(t *testing.T) {
	twoSources(t, defaultSettings(), func(f *fixture, first, second scriptedSource) {
		first.reportsError(errDown)
		if f.hasList() {
			t.Error("an error counts as an answer")
		}
		second.lists()
		if !f.hasList() {
			t.Error("an empty list does not count as an answer")
		}
	})
}

func TestAnEmptyFirstListWaitsForTheOtherSources(t *testing.T) {
	twoSources(t, defaultSettings(), func(f *fixture, first, second scriptedSource) {
		first.lists()
		if f.hasList() {
			t.Error("requests fail before the second source has answered")
		}
		second.lists("a:1")
		f.wantMembers("a")
	})
}

func TestOneLineIsLoggedForEachChange(t *testing.T) {
	twoSources(t, defaultSettings(), func(f *fixture, first, _ scriptedSource) {
		first.listsAuthoritatively(addresses("abcdefg")...)
		first.listsAuthoritatively(addresses("abcdefg")...)
		first.listsAuthoritatively("a:1")
		lines := f.wantLogged("pool changed", 2)
		added, removed := lines[0].ContextMap(), lines[1].ContextMap()
		listed := len(added["added_addresses"].([]any))
		if added["added"] != int64(7) || listed != maxListed || removed["removed"] != int64(6) {
			t.Errorf("logged %v and %v", added, removed)
		}
	})
}

func TestReleasingThePoolEndsItsSources(t *testing.T) {
	twoSources(t, defaultSettings(), func(_ *fixture, first, _ scriptedSource) {
		first.lists("a:1")
		time.Sleep(time.Hour) // the bubble fails if anything is left when the test ends
	})
}

func TestTenThousandRegistrationsInASecondCostAFewPublications(t *testing.T) {
	settings := defaultSettings()
	settings.updateInterval = 100 * time.Millisecond
	oneSource(t, settings, func(f *fixture, s scriptedSource) {
		published := -1 // a subscriber gets the current list at once
		defer f.roster.Subscribe(func(*endpoint.Snapshot) { published++ })()
		list := endpoints()
		for i := range 1000 { // ten at a time
			for j := range 10 {
				list = append(list, discovery.Endpoint{Address: fmt.Sprintf("e:%d", 10000+10*i+j), Weight: 1})
			}
			answer := discovery.Answer{Endpoints: slices.Clone(list)}
			s <- func(report discovery.Report) error { report(answer); return nil }
			time.Sleep(time.Millisecond)
		}
		time.Sleep(settings.updateInterval)
		synctest.Wait()
		if n := len(f.roster.Snapshot().Members); n != 10_000 || published > 12 {
			t.Errorf("%d endpoints after %d publications", n, published)
		}
	})
}

func TestTheFirstChangeIsPublishedAtOnceAndTheLastIsNotLost(t *testing.T) {
	settings := defaultSettings()
	settings.updateInterval = 100 * time.Millisecond
	oneSource(t, settings, func(f *fixture, s scriptedSource) {
		s.lists("a:1")
		f.wantMembers("a")
		s.lists("a:1", "b:1")
		s.lists("a:1", "b:1", "c:1")
		f.wantMembers("a")
		time.Sleep(settings.updateInterval)
		synctest.Wait()
		f.wantMembers("abc")
		time.Sleep(time.Second)
		s.lists("a:1", "b:1")
		f.wantMembers("ab")
	})
}

func TestAnEmptyPoolDoesNotWaitForTheInterval(t *testing.T) {
	settings := defaultSettings()
	settings.updateInterval = time.Hour
	twoSources(t, settings, func(f *fixture, first, second scriptedSource) {
		first.lists()
		second.lists()
		second.lists("a:1")
		f.wantMembers("a")
	})
}

func TestAPanicIsAnErrorOfThatSourceAlone(t *testing.T) {
	twoSources(t, defaultSettings(), func(f *fixture, first, second scriptedSource) {
		first.lists("a:1")
		panics := func() { first <- func(discovery.Report) error { panic("nil map") } }
		panics()
		time.Sleep(3 * time.Second)
		panics()
		second.lists("b:1")
		f.wantMembers("ab")
		line := f.wantLogged("discovery failed", 1)[0].ContextMap()
		if line["error"] != "the source panicked: nil map" || line["stack"] == "" {
			t.Errorf("logged %v", line)
		}
		time.Sleep(time.Minute)
		first.lists("a:1", "c:1")
		f.wantMembers("abc")
		f.wantLogged("discovery works again", 1)
	})
}

func TestErrorsAreLoggedOncePerChangeAndOnceWhenTheyAreOver(t *testing.T) {
	oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
		s.lists("a:1")
		for range 5 {
			s.fails(errDown)
			time.Sleep(time.Minute)
		}
		s.fails(errors.New("no leader"))
		f.wantLogged("discovery failed", 2)
		time.Sleep(time.Minute)
		s.lists("a:1")
		if line := f.wantLogged("discovery works again", 1)[0].ContextMap(); line["after"] != (6 * time.Minute) {
			t.Errorf("logged %v", line)
		}
		status := f.wantState(1, endpoint.SourceLive)
		errorAge := time.Since(status.LastErrorAt)
		if status.LastError != "no leader" || errorAge != time.Minute || status.Age(time.Now()) != 0 {
			t.Errorf("status is %+v", status)
		}
	})
}

func TestDroppedEntriesAreLoggedOncePerChange(t *testing.T) {
	oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
		drops := func(keys ...string) {
			a := discovery.Answer{Endpoints: endpoints("a:1")}
			for _, key := range keys {
				a.Dropped = append(a.Dropped, discovery.Dropped{Key: key, Err: errors.New("address: is missing")})
			}
			s.answers(a)
		}
		drops("web/1", "web/2")
		drops("web/2", "web/1")
		f.wantLogged("entries were dropped", 1)
		drops("web/1", "web/2", "web/3", "web/4", "web/5", "web/6")
		line := f.wantLogged("entries were dropped", 2)[1].ContextMap()
		first := line["first"].([]any)
		if line["dropped"] != int64(6) || len(first) != maxListed || first[0] != "web/1: address: is missing" {
			t.Errorf("logged %v", line)
		}
		status := f.wantState(1, endpoint.SourceLive)
		if status.Dropped != 6 || len(status.FirstDropped) != maxListed || status.Entries != 1 {
			t.Errorf("status is %+v", status)
		}
		drops()
		f.wantLogged("entries were dropped", 2)
	})
}
