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

// restarted gives a test a pool of one source, which is down, as it starts over what the last one stored.
func restarted(t *testing.T, rules followSettings, stored string, test func(f *fixture, s scripted)) {
	inBubble(t, rules, func(f *fixture) {
		s := make(scripted)
		if stored != "" {
			f.storage.Put(newListStore(f.Name(), nil, nil).path("a"), stored)
		}
		f.start(s)
		test(f, s)
	})
}

const storedAB = `{"version":1,"time":"1999-12-31T23:00:00Z","endpoints":[{"address":"a:1","weight":1},{"address":"b:1","weight":1}]}`

func TestTheLastGoodListIsStoredASecondAfterAChangeAndEachTenSeconds(t *testing.T) {
	one(t, defaults(), func(f *fixture, s scripted) {
		s.lists("a:1")
		s.lists("a:1", "b:1")
		if f.storage.Writes() != 0 {
			t.Error("stored at once")
		}
		after(writeDelay)
		key, value := f.storage.Only()
		if !strings.HasPrefix(key, "balance/pools/testthelastgood") || !strings.HasSuffix(key, "/a.json") || !strings.Contains(value, "b:1") {
			t.Errorf("%s holds %s", key, value)
		}
		for range 90 {
			s.lists("a:1")
			s.lists("a:1", "b:1")
			after(time.Second / 10)
		}
		if n := f.storage.Writes(); n != 1 {
			t.Errorf("stored %d times in ten seconds", n)
		}
		after(time.Minute)
		if n := f.storage.Writes(); n != 2 {
			t.Errorf("stored %d times in a minute", n)
		}
		s.lists("a:1", "b:1")
		after(time.Minute)
		if n := f.storage.Writes(); n != 2 {
			t.Error("stored a list that did not change")
		}
	})
}

func TestWhatIsNotStoredYetIsStoredAtTheEnd(t *testing.T) {
	one(t, defaults(), func(f *fixture, s scripted) {
		s.lists("a:1")
		f.stop()
		if _, value := f.storage.Only(); !strings.Contains(value, "a:1") {
			t.Errorf("stored %q", value)
		}
	})
}

func TestALossIsNotStoredBeforeItIsBelieved(t *testing.T) {
	one(t, defaults(), func(f *fixture, s scripted) {
		s.lists("a:1")
		after(10 * time.Second)
		s.lists()
		after(20 * time.Second)
		if _, value := f.storage.Only(); !strings.Contains(value, "a:1") {
			t.Errorf("stored %s", value)
		}
		after(30 * time.Second)
		if _, value := f.storage.Only(); strings.Contains(value, "a:1") {
			t.Errorf("stored %s", value)
		}
	})
}

func TestAStoredListServesUntilTheFirstAnswer(t *testing.T) {
	for name, silent := range map[string]func(s scripted){
		"of a source that fails":       func(s scripted) { s.breaks(errDown) },
		"of a source that is silent":   func(s scripted) { after(firstAnswerHeadStart) },
		"of a source that keeps going": func(s scripted) { s.stumbles(errDown) },
	} {
		t.Run(name, func(t *testing.T) {
			restarted(t, defaults(), storedAB, func(f *fixture, s scripted) {
				f.has("")
				silent(s)
				f.has("ab")
				if status := f.is(1, endpoint.SourceStale); status.Age(time.Now()).Truncate(time.Hour) != time.Hour {
					t.Errorf("status is %+v", status)
				}
				f.logged("uses its stored list", 1)
				after(time.Minute)
				s.lists("c:1") // all others may be long gone
				f.has("c")
				f.is(1, endpoint.SourceLive)
			})
		})
	}
}

func TestAnEmptyAnswerIsHeldAgainstAStoredList(t *testing.T) {
	restarted(t, defaults(), storedAB, func(f *fixture, s scripted) {
		after(firstAnswerHeadStart)
		s.lists()
		f.has("ab")
		after(30 * time.Second)
		f.has("")
	})
}

func TestAStoredListThatComesTooLateIsNotUsed(t *testing.T) {
	restarted(t, defaults(), storedAB, func(f *fixture, s scripted) {
		f.storage.Delay(time.Second)
		after(firstAnswerHeadStart)
		s.lists("c:1")
		after(time.Minute)
		f.has("c")
		f.logged("uses its stored list", 0)
	})
}

func TestTheStoredListIsThereBeforeTheInitialWaitIsOver(t *testing.T) {
	rules := defaults()
	rules.initialWait = 100 * time.Millisecond
	restarted(t, rules, storedAB, func(f *fixture, _ scripted) {
		after(rules.initialWait - 1)
		f.has("ab")
	})
}

func TestACorruptListIsLoggedAndIgnored(t *testing.T) {
	restarted(t, defaults(), `{"version":1,"endpoints":[{"address":"a`, func(f *fixture, s scripted) {
		after(time.Minute)
		f.has("")
		f.logged("the stored list cannot be used", 1)
		s.lists("c:1")
		f.has("c")
	})
}

func TestNothingIsStoredOrReadIfThatIsOff(t *testing.T) {
	rules := defaults()
	rules.persist = false
	restarted(t, rules, storedAB, func(f *fixture, s scripted) {
		s.breaks(errDown)
		after(time.Minute)
		f.has("")
		s.lists("c:1")
		after(time.Minute)
		if f.storage.Writes() != 0 {
			t.Error("stored")
		}
	})
}

func TestSourcesOfThisMachineAreNotStored(t *testing.T) {
	inBubble(t, defaults(), func(f *fixture) {
		f.start(&static.Source{Endpoints: infos("a:1")})
		after(time.Minute)
		f.has("a")
		if f.storage.Writes() != 0 {
			t.Error("stored")
		}
	})
}

func TestAStorageThatFailsIsLoggedOnceAndTriedAgain(t *testing.T) {
	one(t, defaults(), func(f *fixture, s scripted) {
		f.storage.Fail(errors.New("disk is full"))
		s.lists("a:1")
		after(time.Minute)
		f.has("a")
		f.logged("storing the last good list failed", 1)
		f.storage.Fail(nil)
		after(writeInterval + writeDelay)
		f.logged("storing the last good list works again", 1)
		if f.storage.Writes() != 1 {
			t.Error("not stored")
		}
	})
}

func TestAStorageThatHangsHoldsNothingUp(t *testing.T) {
	restarted(t, defaults(), "", func(f *fixture, s scripted) {
		f.storage.Delay(24 * time.Hour)
		after(time.Minute)
		s.lists("a:1")
		f.has("a")
		after(time.Minute)
		s.lists("a:1", "b:1")
		f.has("ab")
		start := time.Now()
		f.stop()
		if took := time.Since(start); took > flushTimeout {
			t.Errorf("the end took %s", took)
		}
	})
}

func TestEachPoolAndEachSourceHasItsOwnPlaceInStorage(t *testing.T) {
	seen := map[string]bool{}
	for _, pool := range []string{"web", "WEB", "../web", "", "ü", "ö", strings.Repeat("w", 300)} {
		for _, raw := range []string{`{"source":"a"}`, `{"source":"b"}`} {
			path := newListStore(pool, nil, nil).path(keyOf(pool, []byte(raw)))
			if seen[path] || !strings.HasPrefix(path, "balance/pools/") || strings.Contains(path, "..") || len(path) > 200 {
				t.Errorf("%q %s is at %s", pool, raw, path)
			}
			seen[path] = true
		}
	}
	if keyOf("web", []byte(`{"source": "a"}`)) != keyOf("web", []byte(`{"source":"a"}`)) {
		t.Error("space makes another source")
	}
}

func TestASourceReachesTheStorageOfTheNewestConfig(t *testing.T) {
	storage := sourcetest.NewStorage()
	ctx := discovery.WithStorage(t.Context(), func() certmagic.Storage { return storage })
	if discovery.StorageOf(context.WithoutCancel(ctx)) != certmagic.Storage(storage) {
		t.Error("another storage")
	}
}
