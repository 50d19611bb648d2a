package pool

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/discovery/static"
	"github.com/caddy-balance/caddy-balance/internal/bounded"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

// afterRestart runs a test on a pool of one source that has not answered yet, with a stored list of
// the last run.
func afterRestart(t *testing.T, settings followSettings, stored string, test func(f *fixture, s scriptedSource)) {
	inVirtualTime(t, settings, func(f *fixture) {
		s := make(scriptedSource)
		if stored != "" {
			f.storage.Put(f.origin().Key("a"), strings.ReplaceAll(stored, "NAME", f.Name()))
		}
		f.start(s)
		test(f, s)
	})
}

// origin is where records of the fixture are from.
func (f *fixture) origin() discovery.Origin {
	return discovery.Origin{Instance: "one", Pool: f.Name(), Source: "scripted"}
}

// storedAB is an hour older than the start of virtual time.
const storedAB = `{"version":1,"from":{"instance":"one","pool":"NAME","source":"scripted"},"time":"1999-12-31T23:00:00Z",` +
	`"endpoints":[{"address":"a:1","weight":1},{"address":"b:1","weight":1}]}`

func TestTheLastGoodListIsStoredAtMostEachTenSeconds(t *testing.T) {
	oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
		s.lists("a:1")
		s.lists("a:1", "b:1")
		if f.storage.Writes() != 0 {
			t.Error("stored at once")
		}
		sleepAndSettle(writeDelay)
		key, value := f.storage.Only()
		inPlace := strings.HasPrefix(key, "balance/pools/testthelastgood") && key == f.origin().Key("a")
		from := `"from":{"instance":"one","pool":"` + f.Name() + `","source":"scripted"}`
		if !inPlace || !strings.Contains(value, "b:1") || !strings.Contains(value, from) {
			t.Errorf("%s holds %s", key, value)
		}
		for range 90 {
			s.lists("a:1")
			s.lists("a:1", "b:1")
			sleepAndSettle(time.Second / 10)
		}
		if n := f.storage.Writes(); n != 1 {
			t.Errorf("stored %d times in ten seconds", n)
		}
		sleepAndSettle(time.Minute)
		if n := f.storage.Writes(); n != 2 {
			t.Errorf("stored %d times in a minute", n)
		}
		s.lists("a:1", "b:1")
		sleepAndSettle(time.Minute)
		if n := f.storage.Writes(); n != 2 {
			t.Error("stored a list that did not change")
		}
	})
}

func TestListsThatAreNotStoredYetAreStoredAtTheEnd(t *testing.T) {
	oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
		s.lists("a:1")
		f.stop()
		if _, value := f.storage.Only(); !strings.Contains(value, "a:1") {
			t.Errorf("stored %q", value)
		}
	})
}

func TestALossIsNotStoredBeforeItTakesEffect(t *testing.T) {
	oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
		s.lists("a:1")
		sleepAndSettle(10 * time.Second)
		s.lists()
		sleepAndSettle(20 * time.Second)
		if _, value := f.storage.Only(); !strings.Contains(value, "a:1") {
			t.Errorf("stored %s", value)
		}
		sleepAndSettle(30 * time.Second)
		if _, value := f.storage.Only(); strings.Contains(value, "a:1") {
			t.Errorf("stored %s", value)
		}
	})
}

func TestAStoredListServesUntilTheFirstAnswer(t *testing.T) {
	for name, silent := range map[string]func(s scriptedSource){
		"of a source that fails":     func(s scriptedSource) { s.fails(errDown) },
		"of a source that is silent": func(s scriptedSource) { sleepAndSettle(firstAnswerHeadStart) },
		"of a source that goes on":   func(s scriptedSource) { s.reportsError(errDown) },
	} {
		t.Run(name, func(t *testing.T) {
			afterRestart(t, defaultSettings(), storedAB, func(f *fixture, s scriptedSource) {
				f.wantMembers("")
				silent(s)
				f.wantMembers("ab")
				status := f.wantState(1, endpoint.SourceStale)
				if status.Age(time.Now()).Truncate(time.Hour) != time.Hour {
					t.Errorf("status is %+v", status)
				}
				f.wantLogged("stored list serves", 1)
				sleepAndSettle(time.Minute)
				s.lists("c:1") // a and b may be long gone, so nothing is held back
				f.wantMembers("c")
				f.wantState(1, endpoint.SourceLive)
			})
		})
	}
}

func TestAnEmptyAnswerIsHeldAgainstAStoredList(t *testing.T) {
	afterRestart(t, defaultSettings(), storedAB, func(f *fixture, s scriptedSource) {
		sleepAndSettle(firstAnswerHeadStart)
		s.lists()
		f.wantMembers("ab")
		sleepAndSettle(30 * time.Second)
		f.wantMembers("")
	})
}

func TestAStoredListThatComesTooLateIsNotUsed(t *testing.T) {
	afterRestart(t, defaultSettings(), storedAB, func(f *fixture, s scriptedSource) {
		f.storage.Delay(time.Second)
		sleepAndSettle(firstAnswerHeadStart)
		s.lists("c:1")
		sleepAndSettle(time.Minute)
		f.wantMembers("c")
		f.wantLogged("stored list serves", 0)
	})
}

func TestTheStoredListIsThereBeforeTheInitialWaitIsOver(t *testing.T) {
	settings := defaultSettings()
	settings.initialWait = 100 * time.Millisecond
	afterRestart(t, settings, storedAB, func(f *fixture, _ scriptedSource) {
		sleepAndSettle(settings.initialWait - 1)
		f.wantMembers("ab")
	})
}

func TestACorruptListIsLoggedAndIgnored(t *testing.T) {
	afterRestart(t, defaultSettings(), `{"version":1,"endpoints":[{"address":"a`, func(f *fixture, s scriptedSource) {
		sleepAndSettle(time.Minute)
		f.wantMembers("")
		f.wantLogged("stored list is not usable", 1)
		s.lists("c:1")
		f.wantMembers("c")
	})
}

func TestNothingIsStoredOrReadIfThatIsOff(t *testing.T) {
	settings := defaultSettings()
	settings.persist = false
	afterRestart(t, settings, storedAB, func(f *fixture, s scriptedSource) {
		s.fails(errDown)
		sleepAndSettle(time.Minute)
		f.wantMembers("")
		s.lists("c:1")
		sleepAndSettle(time.Minute)
		if f.storage.Writes() != 0 {
			t.Error("stored")
		}
	})
}

func TestLocalSourcesAreNotStored(t *testing.T) {
	inVirtualTime(t, defaultSettings(), func(f *fixture) {
		f.start(&static.Source{Endpoints: endpoints("a:1")})
		sleepAndSettle(time.Minute)
		f.wantMembers("a")
		if f.storage.Writes() != 0 {
			t.Error("stored")
		}
	})
}

func TestAStorageThatFailsIsLoggedOnceAndTriedAgain(t *testing.T) {
	oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
		f.storage.Fail(errors.New("disk is full"))
		s.lists("a:1")
		sleepAndSettle(time.Minute)
		f.wantMembers("a")
		f.wantLogged("storing the last good list failed", 1)
		f.storage.Fail(nil)
		sleepAndSettle(writeInterval + writeDelay)
		f.wantLogged("storing the last good list works again", 1)
		if f.storage.Writes() != 1 {
			t.Error("not stored")
		}
	})
}

func TestAStorageThatHangsDelaysNothing(t *testing.T) {
	afterRestart(t, defaultSettings(), "", func(f *fixture, s scriptedSource) {
		f.storage.Delay(24 * time.Hour)
		sleepAndSettle(time.Minute)
		s.lists("a:1")
		f.wantMembers("a")
		sleepAndSettle(time.Minute)
		s.lists("a:1", "b:1")
		f.wantMembers("ab")
		start := time.Now()
		f.stop()
		if took := time.Since(start); took > 2*flushTimeout {
			t.Errorf("the pool took %s to end", took)
		}
	})
}

func TestASourceReachesTheStorageOfTheNewestConfig(t *testing.T) {
	storage := sourcetest.NewStorage()
	ctx := discovery.WithStorage(t.Context(), func() certmagic.Storage { return storage })
	if discovery.StorageOf(context.WithoutCancel(ctx)) != certmagic.Storage(storage) {
		t.Error("it is another storage")
	}
}

func TestAListOfAnotherInstanceIsNotUsed(t *testing.T) {
	afterRestart(t, defaultSettings(), strings.ReplaceAll(storedAB, `"one"`, `"two"`), func(f *fixture, _ scriptedSource) {
		sleepAndSettle(time.Minute)
		f.wantMembers("")
		f.wantLogged("stored list is not usable", 1)
	})
}

func TestInstancesWithOneStorageKeepListsOfTheirOwn(t *testing.T) {
	inVirtualTime(t, defaultSettings(), func(f *fixture) {
		runAs := func(instance, shared string, lists string) {
			f.Helper()
			f.settings.shared = shared
			f.settings.records = &records{instance: func() (string, error) { return instance, nil }}
			s := make(scriptedSource)
			f.start(s)
			sleepAndSettle(firstAnswerHeadStart)
			f.wantMembers(lists)
			f.stop()
		}
		stores := func(instance, shared string, list ...string) {
			f.settings.shared = shared
			f.settings.records = &records{instance: func() (string, error) { return instance, nil }}
			s := make(scriptedSource)
			f.start(s)
			s.lists(list...)
			f.stop()
		}
		stores("staging", "", "s:1")
		stores("production", "", "p:1")
		stores("one", "both", "a:1", "b:1")
		runAs("staging", "", "s")
		runAs("production", "", "p")
		runAs("third", "", "")
		runAs("two", "both", "ab")
		runAs("both", "", "") // a name is no instance
	})
}

func TestWithoutAnInstanceIDNothingIsStored(t *testing.T) {
	settings := defaultSettings()
	settings.records = &records{instance: func() (string, error) { return "", errors.New("read-only") }}
	oneSource(t, settings, func(f *fixture, s scriptedSource) {
		s.lists("a:1")
		sleepAndSettle(time.Minute)
		f.wantMembers("a")
		f.wantLogged("storing the last good list failed", 1)
		if f.storage.Writes() != 0 {
			t.Error("stored")
		}
	})
}

func TestRecordsThatNoConfigUsesAreDeletedAfterThirtyDays(t *testing.T) {
	inVirtualTime(t, defaultSettings(), func(f *fixture) {
		s := make(scriptedSource)
		f.storage.Put("balance/pools/gone/dns-1.json", "{}")
		f.storage.Put("balance/pools/gone/registry.json", "[]") // of an earlier version
		f.storage.Put("certificates/example.com.json", "{}")
		f.start(s)
		s.lists("a:1")
		sleepAndSettle(29 * 24 * time.Hour)
		if f.storage.Get("balance/pools/gone/dns-1.json") == "" {
			t.Error("a record was deleted too early")
		}
		sleepAndSettle(2 * 24 * time.Hour)
		if f.storage.Get("balance/pools/gone/dns-1.json") != "" || f.storage.Get("balance/pools/gone/registry.json") != "" {
			t.Error("an unused record is left")
		}
		if f.storage.Get(f.origin().Key("a")) == "" || f.storage.Get("certificates/example.com.json") == "" {
			t.Error("a record in use was deleted")
		}
		if n := f.storage.Writes(); n > 40 {
			t.Errorf("%d writes in 31 days", n)
		}
	})
}

func TestAListThatServesFromStorageStaysInUse(t *testing.T) {
	afterRestart(t, defaultSettings(), storedAB, func(f *fixture, s scriptedSource) {
		s.fails(errDown)
		sleepAndSettle(60 * 24 * time.Hour)
		f.wantMembers("ab")
		if value := f.storage.Get(f.origin().Key("a")); !strings.Contains(value, "1999-12-31T23:00:00Z") {
			t.Errorf("the storage has %s", value)
		}
	})
}

func TestACallThatHangsIsAbandonedAndNamed(t *testing.T) {
	inVirtualTime(t, defaultSettings(), func(f *fixture) {
		first, second := make(scriptedSource), make(scriptedSource)
		goOn := make(chan struct{})
		f.storage.Hang(goOn)
		f.start(first, second)
		first.lists("a:1")
		start := time.Now()
		f.stop()
		if took := time.Since(start); took > bounded.Grace {
			t.Errorf("the pool took %s to end", took)
		}
		if line := f.wantLogged("storing the last good list failed", 1)[0].ContextMap(); line["error"] != "storage: no answer" {
			t.Errorf("the line has %v", line)
		}
		close(goOn)
		sleepAndSettle(time.Minute)
		f.start(first)
		first.lists("a:1", "b:1", "c:1")
		sleepAndSettle(time.Hour)
		f.wantLogged("storing", 0)
	})
}
