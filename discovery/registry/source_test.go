package registry

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

func sortedAddresses(infos []listing.Info) string {
	all := strings.Fields(sourcetest.Addresses(infos))
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestAnEndpointIsInTheListFromItsFirstHeartbeatToATTLAfterItsLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := employ(t, newShelf(), Source{})
		c.wants("")
		c.must("one", `{"address": "a:1", "ttl": "10s"}`)
		c.must("two", `{"address": "b:1"}`)
		c.wants("a:1 b:1")
		c.pass(9 * time.Second)
		c.must("one", `{"address": "a:1", "ttl": "10s"}`)
		c.pass(9 * time.Second)
		c.wants("a:1 b:1")
		c.pass(time.Second)
		c.wants("b:1")
		c.pass(30 * time.Second)
		c.wants("")
		if last := c.last(); !last.Authoritative {
			t.Error("the end of a lease is not final")
		}
	})
}

func TestAHeartbeatThatChangesNothingIsNeitherReportedNorWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage := newShelf()
		c := employ(t, storage, Source{})
		c.must("one", `{"address": "a:1", "metadata": {"version": "v1"}}`)
		c.pass(time.Minute / 4)
		lists, writes := len(c.told()), storage.written()
		for range 100 {
			c.must("one", `{"metadata": {"version": "v1"}, "address": "a:1", "weight": 1}`)
			c.pass(10 * time.Second)
		}
		if len(c.told()) != lists || storage.written() != writes {
			t.Errorf("%d lists and %d writes after 100 heartbeats, %d and %d before", len(c.told()), storage.written(), lists, writes)
		}
	})
}

func TestARegistrationReplacesWhatWasSaidBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := employ(t, newShelf(), Source{})
		c.must("one", `{"address": "a:1"}`)
		for _, body := range []string{`{"address": "a:1", "draining": true}`, `{"address": "a:1", "weight": 5}`, `{"address": "c:1", "weight": 5}`} {
			if isNew, err := c.put("one", body); isNew || err != nil {
				t.Errorf("%s: new is %v, error %v", body, isNew, err)
			}
			if c.pass(2*minReportInterval) != 1 {
				t.Errorf("%s was not reported", body)
			}
		}
		c.wants("c:1")
	})
}

func TestANewIDAtAnAddressTakesItOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := employ(t, newShelf(), Source{MaxEndpoints: 2})
		c.must("old", `{"address": "a:1"}`)
		c.must("other", `{"address": "b:1"}`)
		if isNew, err := c.put("new", `{"address": "a:1"}`); !isNew || err != nil { // full, but it needs no more room
			t.Errorf("new is %v, error %v", isNew, err)
		}
		if _, ok := c.leases.Find("old"); ok || len(c.leases.List()) != 2 {
			t.Errorf("the old id is there still: %v", c.leases.List())
		}
		c.wants("a:1 b:1")
	})
}

func TestTheEndpointsOfAPoolAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := employ(t, newShelf(), Source{MaxEndpoints: 1})
		c.must("one", `{"address": "a:1"}`)
		if _, err := c.put("two", `{"address": "b:1"}`); err != ErrFull {
			t.Errorf("got %v", err)
		}
		c.must("one", `{"address": "c:1"}`)
		if !c.leases.Leave("one") || c.leases.Leave("one") {
			t.Error("leaving did not work once")
		}
		c.must("two", `{"address": "b:1"}`)
		c.wants("b:1")
	})
}

func TestABurstOfRegistrationsIsAFewLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage := newShelf()
		c := employ(t, storage, Source{})
		before := len(c.told())
		for i := range 1000 {
			c.must(fmt.Sprint(i), fmt.Sprintf(`{"address": "a:%d"}`, i+1))
			time.Sleep(time.Millisecond)
		}
		c.pass(2 * time.Second)
		if lists := len(c.told()) - before; lists > 12 || storage.written() > 3 {
			t.Errorf("%d lists and %d writes for a second of registrations", lists, storage.written())
		}
		if n := len(c.last().Endpoints); n != 1000 {
			t.Errorf("%d endpoints in the last list", n)
		}
	})
}

func TestAProcessThatStoodStillGivesHeartbeatsTheTimeItWasAway(t *testing.T) {
	l := newLeases("web")
	start := time.Now()
	l.putLocked(&lease{listing.Info{Address: "a:1", ID: "one"}, 30 * time.Second, start.Add(30 * time.Second)})
	l.expire(start)
	l.expire(start.Add(10 * time.Minute))
	if len(l.List()) != 1 {
		t.Fatal("the lease ended while nobody could renew it")
	}
	l.expire(start.Add(10*time.Minute + stallThreshold))
	if len(l.List()) != 0 {
		t.Error("the lease did not end")
	}
}

func TestASecondSourceOfAPoolHasTheSameLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage := newShelf()
		old := employ(t, storage, Source{MaxTTL: 20 * second})
		old.must("one", `{"address": "a:1", "ttl": "15s"}`)
		fresh := employ(t, storage, Source{MaxTTL: 10 * second})
		fresh.wants("a:1")
		if _, err := fresh.put("two", `{"address": "b:1", "ttl": "15s"}`); err == nil {
			t.Error("the limits are not those of the newest source")
		}
		old.stop()
		if LeasesOf(t.Context(), "web") != fresh.leases || old.leases != fresh.leases {
			t.Fatal("the leases are not the same")
		}
		fresh.must("two", `{"address": "b:1"}`)
		fresh.wants("a:1 b:1")
		fresh.stop()
		if LeasesOf(t.Context(), "web") != nil {
			t.Error("the leases outlive their sources")
		}
	})
}

func TestASourceThatNeverCameToWorkLeavesTheLimitsOfTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := employ(t, newShelf(), Source{MaxTTL: 20 * second})
		employ(t, newShelf(), Source{MaxTTL: 10 * second}).stop()
		c.must("one", `{"address": "a:1", "ttl": "15s"}`)
	})
}
