package registry

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const webKey = "balance/pools/web/registry.json"

func TestWhatIsRegisteredSurvivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage := newShelf()
		c := employ(t, storage, Source{})
		c.must("one", `{"address": "a:1", "ttl": "10s", "weight": 3, "metadata": {"version": "v1"}}`)
		c.must("two", `{"address": "b:1", "ttl": "20s"}`)
		c.pass(9 * time.Second)
		c.stop()
		time.Sleep(time.Hour)

		c = employ(t, storage, Source{})
		if one, ok := c.leases.Find("one"); !ok || one.Weight != 3 || one.Metadata["version"] != "v1" || one.TTL != TTL(10*time.Second) {
			t.Errorf("restored as %+v", one)
		}
		if first := c.told()[0]; sortedAddresses(first.Endpoints) != "a:1 b:1" || !first.Authoritative {
			t.Errorf("the first list is %+v", first)
		}
		c.pass(9 * time.Second) // the grace is a whole ttl
		c.must("two", `{"address": "b:1", "ttl": "20s"}`)
		c.wants("a:1 b:1")
		c.pass(time.Second)
		c.wants("b:1")
	})
}

func TestChangesAreWrittenASecondLaterAndAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage := newShelf()
		c := employ(t, storage, Source{})
		c.must("one", `{"address": "a:1"}`)
		c.pass(saveDelay / 2)
		if storage.written() != 0 {
			t.Error("written at once")
		}
		c.pass(saveDelay)
		if want := `[{"address":"a:1","weight":1,"id":"one","ttl":"30s"}]`; storage.text(webKey) != want {
			t.Errorf("the storage has %s, want %s", storage.text(webKey), want)
		}
		c.leases.Leave("one")
		c.stop()
		if storage.text(webKey) != "[]" {
			t.Errorf("the storage has %s after the end", storage.text(webKey))
		}
	})
}

func TestAStorageThatFailsIsToldAndTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage := newShelf()
		c := employ(t, storage, Source{})
		storage.breaks(errShelf)
		c.must("one", `{"address": "a:1", "ttl": "1h"}`)
		c.wants("a:1")
		c.pass(2 * saveDelay)
		c.wantsError("cannot be written to the storage: storage is down")
		storage.breaks(nil)
		c.pass(saveAgain)
		if storage.written() != 1 {
			t.Error("not written when the storage was back")
		}
	})
}

func TestWhatCannotBeReadIsToldAndLossesAreNotFinalForATTL(t *testing.T) {
	for name, storage := range map[string]*shelf{
		"storage is down":           {broken: errShelf},
		"registry.json: unexpected": {texts: map[string]string{webKey: `[{"address"`}},
		"registry.json: json":       {texts: map[string]string{webKey: `{}`}},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := employ(t, storage, Source{DefaultTTL: 10 * second})
			c.wantsError(name)
			c.wants("")
			c.must("one", `{"address": "a:1"}`)
			c.wants("a:1")
			for _, a := range c.told() {
				if a.Authoritative {
					t.Error("a list is final though endpoints may be missing")
				}
			}
			c.pass(10 * time.Second)
			c.must("two", `{"address": "b:1"}`)
			c.wants("b:1")
			if !c.last().Authoritative {
				t.Error("a list is not final though everybody had time to come back")
			}
		})
	}
}

func TestAnEntryThatCannotBeReadDoesNotCostTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage := newShelf()
		storage.texts[webKey] = `["c:1", {"address": "a:1", "id": "one"}, {"address": "b:1"}, {"address": "d:1", "id": "four", "ttl": "100h"}]`
		c := employ(t, storage, Source{})
		c.wants("a:1 d:1")
		c.wantsError("entry 3: id: is missing")
		if four, _ := c.leases.Find("four"); four.TTL != TTL(defaultMaxTTL) {
			t.Errorf("a ttl of %s is beyond the limit", time.Duration(four.TTL))
		}
		if one, _ := c.leases.Find("one"); one.TTL != TTL(leastTTL) {
			t.Errorf("an entry without a ttl stays for %s", time.Duration(one.TTL))
		}
	})
}

func TestRegistrationsWaitUntilTheStorageWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leases := registries.open("web") // what no source has come to restore yet
		found := make(chan *Leases, 2)
		go func() { found <- LeasesOf(t.Context(), "web") }()
		synctest.Wait()
		if len(found) > 0 {
			t.Error("found what was not restored yet")
		}
		registries.close(leases)
		if <-found != nil || LeasesOf(t.Context(), "web") != nil {
			t.Error("found what no config has any more")
		}
	})
}

func TestPoolsWithSimilarNamesAreStoredApart(t *testing.T) {
	if registryKey("web") != webKey {
		t.Errorf("web is stored in %s", registryKey("web"))
	}
	keys := make(map[string]string)
	for _, pool := range []string{"web", "Web", "w/eb", "../web", "ü", "ö", "..", "."} {
		key := registryKey(pool)
		if other, ok := keys[key]; ok || !strings.HasPrefix(key, "balance/pools/") {
			t.Errorf("%q is stored in %s, as is %q", pool, key, other)
		}
		keys[key] = pool
	}
}
