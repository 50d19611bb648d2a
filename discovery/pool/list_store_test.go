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
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

// afterRestart runs a test on a pool of one source that has not answered yet, with a stored list of
// the last run.
func afterRestart(t *testing.T, settings followSettings, stored string, test func(f *fixture, s scriptedSource)) {
	inVirtualTime(t, settings, func(f *fixture) {
		s := make(scriptedSource)
		if stored != "" {
			f.storage.Put(newListStore(f.Name(), nil, nil).path("a"), stored)
		}
		f.start(s)
		test(f, s)
	})
}

// storedAB is an hour older than the start of virtual time.
const storedAB = `{"version":1,"time":"1999-12-31T23:00:00Z",` +
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
		inPlace := strings.HasPrefix(key, "balance/pools/testthelastgood") && strings.HasSuffix(key, "/a.json")
		if !inPlace || !strings.Contains(value, "b:1") {
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
		if took := time.Since(start); took > flushTimeout {
			t.Errorf("the pool took %s to end", took)
		}
	})
}

func TestEachPoolAndEachSourceHasItsOwnPlaceInStorage(t *testing.T) {
	seen := map[string]bool{}
	for _, pool := range []string{"web", "WEB", "../web", "", "ü", "ö", strings.Repeat("w", 300)} {
		for _, raw := range []string{`{"source":"a"}`, `{"source":"b"}`} {
			path := newListStore(pool, nil, nil).path(sourceKey(pool, []byte(raw)))
			if seen[path] || !strings.HasPrefix(path, "balance/pools/") || strings.Contains(path, "..") || len(path) > 200 {
				t.Errorf("%q %s is at %s", pool, raw, path)
			}
			seen[path] = true
		}
	}
	if sourceKey("web", []byte(`{"source": "a"}`)) != sourceKey("web", []byte(`{"source":"a"}`)) {
		t.Error("white space makes another source")
	}
}

func TestASourceReachesTheStorageOfTheNewestConfig(t *testing.T) {
	storage := sourcetest.NewStorage()
	ctx := discovery.WithStorage(t.Context(), func() certmagic.Storage { return storage })
	if discovery.StorageOf(context.WithoutCancel(ctx)) != certmagic.Storage(storage) {
		t.Error("it is another storage")
	}
}
