package registry

import (
	"errors"
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

func TestAnEndpointStaysForATTLAfterItsLastHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, sourcetest.NewStorage(), Source{})
		r.wantAddresses("")
		r.mustRegister("one", `{"address": "a:1", "ttl": "10s"}`)
		r.mustRegister("two", `{"address": "b:1"}`)
		r.wantAddresses("a:1 b:1")
		r.pass(9 * time.Second)
		r.mustRegister("one", `{"address": "a:1", "ttl": "10s"}`)
		r.pass(9 * time.Second)
		r.wantAddresses("a:1 b:1")
		r.pass(time.Second)
		r.wantAddresses("b:1")
		r.pass(30 * time.Second)
		r.wantAddresses("")
		if last := r.Newest(); !last.Authoritative {
			t.Error("the end of a lease is not authoritative")
		}
	})
}

func TestAnUnchangedHeartbeatIsNotReportedOrWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage := sourcetest.NewStorage()
		r := start(t, storage, Source{})
		r.mustRegister("one", `{"address": "a:1", "metadata": {"version": "v1"}}`)
		r.pass(time.Minute / 4)
		lists, writes := r.Lists(), storage.Writes()
		for range 100 {
			r.mustRegister("one", `{"metadata": {"version": "v1"}, "address": "a:1", "weight": 1}`)
			r.pass(10 * time.Second)
		}
		if r.Lists() != lists || storage.Writes() != writes {
			t.Errorf("%d lists and %d writes after 100 heartbeats, %d and %d before", r.Lists(), storage.Writes(), lists, writes)
		}
	})
}

func TestARegistrationReplacesTheOneBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, sourcetest.NewStorage(), Source{})
		r.mustRegister("one", `{"address": "a:1"}`)
		r.pass(2 * minReportInterval)
		for _, body := range []string{`{"address": "a:1", "draining": true}`, `{"address": "a:1", "weight": 5}`, `{"address": "c:1", "weight": 5}`} {
			before := r.Lists() // the report may come at once
			if isNew, err := r.register("one", body); isNew || err != nil {
				t.Errorf("%s: new is %v, error %v", body, isNew, err)
			}
			r.pass(2 * minReportInterval)
			if n := r.Lists() - before; n != 1 {
				t.Errorf("%s was reported %d times, want once", body, n)
			}
		}
		r.wantAddresses("c:1")
	})
}

func TestANewIDAtAnAddressReplacesTheOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, sourcetest.NewStorage(), Source{MaxEndpoints: 2})
		r.mustRegister("old", `{"address": "a:1"}`)
		r.mustRegister("other", `{"address": "b:1"}`)
		if isNew, err := r.register("new", `{"address": "a:1"}`); !isNew || err != nil { // full, but it needs no more room
			t.Errorf("new is %v, error %v", isNew, err)
		}
		if _, ok := r.leases.Find("old"); ok || len(r.leases.List()) != 2 {
			t.Errorf("the old id is there still: %v", r.leases.List())
		}
		r.wantAddresses("a:1 b:1")
	})
}

func TestTheEndpointsOfAPoolAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, sourcetest.NewStorage(), Source{MaxEndpoints: 1})
		r.mustRegister("one", `{"address": "a:1"}`)
		if _, err := r.register("two", `{"address": "b:1"}`); !errors.Is(err, ErrFull) {
			t.Errorf("got %v", err)
		}
		r.mustRegister("one", `{"address": "c:1"}`)
		if !r.leases.Leave("one") || r.leases.Leave("one") {
			t.Error("leaving did not work once")
		}
		r.mustRegister("two", `{"address": "b:1"}`)
		r.wantAddresses("b:1")
	})
}

func TestABurstOfRegistrationsIsAFewLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage := sourcetest.NewStorage()
		r := start(t, storage, Source{})
		before := r.Lists()
		for i := range 1000 {
			r.mustRegister(fmt.Sprint(i), fmt.Sprintf(`{"address": "a:%d"}`, i+1))
			time.Sleep(time.Millisecond)
		}
		r.pass(2 * time.Second)
		if lists := r.Lists() - before; lists > 12 || storage.Writes() > 3 {
			t.Errorf("%d lists and %d writes for a second of registrations", lists, storage.Writes())
		}
		if n := len(r.Newest().Endpoints); n != 1000 {
			t.Errorf("%d endpoints in the last list", n)
		}
	})
}

func TestAStallExtendsTheLeases(t *testing.T) {
	l := newLeases("web")
	start := time.Now()
	l.setLocked(&lease{listing.Info{Address: "a:1", ID: "one"}, 30 * time.Second, start.Add(30 * time.Second)})
	l.expire(start)
	l.expire(start.Add(10 * time.Minute))
	if len(l.List()) != 1 {
		t.Fatal("the lease ended while the process stood still")
	}
	l.expire(start.Add(10*time.Minute + stallThreshold))
	if len(l.List()) != 0 {
		t.Error("the lease did not end")
	}
}

func TestASecondSourceOfAPoolHasTheSameLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage := sourcetest.NewStorage()
		old := start(t, storage, Source{MaxTTL: 20 * second})
		old.mustRegister("one", `{"address": "a:1", "ttl": "15s"}`)
		fresh := start(t, storage, Source{MaxTTL: 10 * second})
		fresh.wantAddresses("a:1")
		if _, err := fresh.register("two", `{"address": "b:1", "ttl": "15s"}`); err == nil {
			t.Error("the limits are not those of the newest source")
		}
		old.stop()
		if LeasesOf(t.Context(), "web") != fresh.leases || old.leases != fresh.leases {
			t.Fatal("the leases are not the same")
		}
		fresh.mustRegister("two", `{"address": "b:1"}`)
		fresh.wantAddresses("a:1 b:1")
		fresh.stop()
		if LeasesOf(t.Context(), "web") != nil {
			t.Error("the leases outlive their sources")
		}
	})
}

func TestASourceThatStoppedHasNoLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, sourcetest.NewStorage(), Source{MaxTTL: 20 * second})
		start(t, sourcetest.NewStorage(), Source{MaxTTL: 10 * second}).stop()
		r.mustRegister("one", `{"address": "a:1", "ttl": "15s"}`)
	})
}
