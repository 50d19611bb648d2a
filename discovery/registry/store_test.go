package registry

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

var webKey = web.Key("")

// recorded returns a record with registrations in JSON.
func recorded(registrations string) string {
	return `{"from":{"instance":"one","pool":"web","source":"registry"},"registrations":` + registrations + `}`
}

func TestRegistrationsSurviveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage := sourcetest.NewStorage()
		r := start(t, storage, Source{})
		r.mustRegister("one", `{"address": "a:1", "ttl": "10s", "weight": 3, "metadata": {"version": "v1"}}`)
		r.mustRegister("two", `{"address": "b:1", "ttl": "20s"}`)
		r.pass(9 * time.Second)
		r.stop()
		time.Sleep(time.Hour)

		r = start(t, storage, Source{})
		if one, ok := r.leases.Find("one"); !ok || one.Weight != 3 || one.Metadata["version"] != "v1" || one.TTL != TTL(10*time.Second) {
			t.Errorf("restored as %+v", one)
		}
		if first := r.Next(); sortedAddresses(first.Endpoints) != "a:1 b:1" || !first.Authoritative {
			t.Errorf("the first list is %+v", first)
		}
		r.pass(9 * time.Second) // the grace is a whole ttl
		r.mustRegister("two", `{"address": "b:1", "ttl": "20s"}`)
		r.wantAddresses("a:1 b:1")
		r.pass(time.Second)
		r.wantAddresses("b:1")
	})
}

func TestChangesAreWrittenASecondLaterAndAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage := sourcetest.NewStorage()
		r := start(t, storage, Source{})
		r.mustRegister("one", `{"address": "a:1"}`)
		r.pass(saveDelay / 2)
		if storage.Writes() != 0 {
			t.Error("written at once")
		}
		r.pass(saveDelay)
		if want := recorded(`[{"address":"a:1","weight":1,"id":"one","ttl":"30s"}]`); storage.Get(webKey) != want {
			t.Errorf("the storage has %s, want %s", storage.Get(webKey), want)
		}
		r.leases.Leave("one")
		r.stop()
		if storage.Get(webKey) != recorded("[]") {
			t.Errorf("the storage has %s after the end", storage.Get(webKey))
		}
	})
}

func TestAFailingStorageIsReportedAndTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage := sourcetest.NewStorage()
		r := start(t, storage, Source{})
		storage.Fail(errStorage)
		r.mustRegister("one", `{"address": "a:1", "ttl": "1h"}`)
		r.wantAddresses("a:1")
		r.pass(2 * saveDelay)
		r.wantOneError("cannot be written to the storage: storage is down")
		storage.Fail(nil)
		r.pass(saveRetryPause)
		if storage.Writes() != 1 {
			t.Error("not written when the storage was back")
		}
	})
}

func TestAfterAReadErrorListsAreNotAuthoritativeForATTL(t *testing.T) {
	for want, prepare := range map[string]func(*sourcetest.Storage){
		"storage is down":       func(s *sourcetest.Storage) { s.Fail(errStorage) },
		".json: unexpected":     func(s *sourcetest.Storage) { s.Put(webKey, `{"registrations":[{"address"`) },
		"storage: is an object": func(s *sourcetest.Storage) { s.Put(webKey, recorded(`{}`)) },
		".json: from": func(s *sourcetest.Storage) {
			s.Put(webKey, `{"from":{"instance":"two","pool":"web","source":"registry"}}`)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			storage := sourcetest.NewStorage()
			prepare(storage)
			r := start(t, storage, Source{DefaultTTL: 10 * second})
			r.wantOneError(want)
			r.wantAddresses("")
			r.mustRegister("one", `{"address": "a:1"}`)
			r.wantAddresses("a:1")
			for _, a := range r.Reports() {
				if a.Authoritative {
					t.Error("a list is authoritative though endpoints may be missing")
				}
			}
			r.pass(10 * time.Second)
			r.mustRegister("two", `{"address": "b:1"}`)
			r.wantAddresses("b:1")
			if !r.Newest().Authoritative {
				t.Error("a list is not authoritative though all endpoints had time to come back")
			}
		})
	}
}

func TestAnEntryWithAMistakeIsLeftOutAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage := sourcetest.NewStorage()
		storage.Put(webKey, recorded(`["c:1", {"address": "a:1", "id": "one"}, {"address": "b:1"},
			{"address": "d:1", "id": "four", "ttl": "100h"}]`))
		r := start(t, storage, Source{})
		r.wantAddresses("a:1 d:1")
		r.wantOneError("entry 3: id: is missing")
		if four, _ := r.leases.Find("four"); four.TTL != TTL(defaultMaxTTL) {
			t.Errorf("a ttl of %s is beyond the limit", time.Duration(four.TTL))
		}
		if one, _ := r.leases.Find("one"); one.TTL != TTL(minTTL) {
			t.Errorf("an entry without a ttl stays for %s", time.Duration(one.TTL))
		}
	})
}

func TestRegistrationsWaitUntilTheStorageWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leases := allLeases.open("web") // no source has restored them yet
		found := make(chan *Leases, 2)
		go func() { found <- LeasesOf(t.Context(), "web") }()
		synctest.Wait()
		if len(found) > 0 {
			t.Error("found leases that were not restored yet")
		}
		allLeases.close(leases)
		if <-found != nil || LeasesOf(t.Context(), "web") != nil {
			t.Error("found leases that no config has any more")
		}
	})
}

func TestARecordIsRenewedEachDayThoughNothingChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage := sourcetest.NewStorage()
		r := start(t, storage, Source{MaxTTL: 1000 * caddy.Duration(time.Hour)})
		r.mustRegister("one", `{"address": "a:1", "ttl": "1000h"}`)
		r.pass(10*24*time.Hour + time.Hour)
		if n := storage.Writes(); n != 11 {
			t.Errorf("written %d times in ten days", n)
		}
	})
}

func TestAStorageThatHangsHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage := sourcetest.NewStorage()
		goOn := make(chan struct{})
		storage.Hang(goOn)
		began := time.Now()
		r := start(t, storage, Source{})
		if took := time.Since(began); took > 2*storageTimeout {
			t.Errorf("services wait for %s", took)
		}
		r.wantOneError("cannot be read from the storage: no answer")
		r.mustRegister("one", `{"address": "a:1", "ttl": "1h"}`)
		r.wantAddresses("a:1")
		r.pass(20 * time.Minute)
		if n := storage.Hanging(); n != 2 {
			t.Errorf("%d calls hang, want the one that reads and the one that writes", n)
		}
		began = time.Now()
		r.stop()
		if took := time.Since(began); took > 2*flushTimeout {
			t.Errorf("the end took %s", took)
		}
		close(goOn)
		synctest.Wait()
	})
}
