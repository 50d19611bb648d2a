package pool

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// atMost returns the default settings with a maximum number of endpoints.
func atMost(n int) followSettings {
	settings := defaultSettings()
	settings.maxEndpoints = n
	return settings
}

func TestAListBeyondTheMaximumIsAnErrorAndTheLastOneStays(t *testing.T) {
	oneSource(t, atMost(3), func(f *fixture, s scriptedSource) {
		s.lists(addresses("abc")...)
		s.lists(addresses("abcd")...)
		s.listsAuthoritatively(addresses("defghij")...)
		f.wantMembers("abc")
		want := "the list has more than 3 entries; max_endpoints of the pool allows more"
		if status := f.roster.Sources()[0]; status.LastError != want {
			t.Errorf("got %q", status.LastError)
		}
		f.wantLogged("discovery failed", 1)
		s.lists(addresses("abd")...)
		f.wantMembers("abd")
	})
}

func TestTheMaximumIsThatOfEachSource(t *testing.T) {
	twoSources(t, atMost(2), func(f *fixture, first, second scriptedSource) {
		first.lists(addresses("ab")...)
		second.lists(addresses("cd")...)
		f.wantMembers("abcd")
	})
}

// selfLimiting is a source that limits the number of its endpoints itself.
type selfLimiting struct{ scriptedSource }

func (selfLimiting) SelfLimiting() {}

func TestASelfLimitingSourceHasNoMaximum(t *testing.T) {
	inVirtualTime(t, atMost(2), func(f *fixture) {
		s := selfLimiting{make(scriptedSource)}
		f.start(s)
		s.lists(addresses("abcd")...)
		f.wantMembers("abcd")
	})
}

// limitedSource reports the maximum that it finds.
type limitedSource chan int

func (s limitedSource) Run(ctx context.Context, _ discovery.Report) error {
	s <- discovery.MaxEndpoints(ctx)
	return nil
}

func TestASourceFindsTheMaximumOfItsPool(t *testing.T) {
	inVirtualTime(t, atMost(7), func(f *fixture) {
		s := make(limitedSource, 1)
		f.start(s)
		if got := <-s; got != 7 {
			t.Errorf("got %d", got)
		}
	})
	if got := discovery.MaxEndpoints(t.Context()); got != discovery.DefaultMaxEndpoints {
		t.Errorf("without a pool: got %d", got)
	}
}

func TestOnlyAHundredDroppedEntriesAreKeptAndAllAreCounted(t *testing.T) {
	oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
		drop := func(first, n int) {
			var builder discovery.AnswerBuilder
			for i := range n {
				builder.Drop(fmt.Sprint("web-", first+i), errors.New("address: is missing"))
			}
			s.answers(builder.Answer())
		}
		drop(0, 1000)
		if status := f.roster.Sources()[0]; status.Dropped != 1000 || len(status.FirstDropped) != maxListed {
			t.Errorf("got %+v", status)
		}
		drop(500, 1000) // the registry has another order, so that others are kept
		f.wantLogged("discovery: entries were dropped", 1)
		drop(0, 1001)
		f.wantLogged("discovery: entries were dropped", 2)
	})
}

// distinct returns n endpoints that no other list has.
func distinct(list, n int) []discovery.Endpoint {
	all := make([]discovery.Endpoint, n)
	for i := range all {
		all[i] = discovery.Endpoint{
			Address: fmt.Sprintf("10.%d.%d.%d:80", list, i>>8, i&255), Weight: 1,
			Metadata: map[string]string{"version": fmt.Sprint("v", list, "-", i)},
		}
	}
	return all
}

// liveHeap returns the size of what is left after a garbage collection.
func liveHeap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func TestLeaversDoNotAccumulate(t *testing.T) {
	settings := atMost(200)
	settings.removalGrace, settings.emptyGrace = 2*time.Hour, 0
	oneSource(t, settings, func(f *fixture, s scriptedSource) {
		hour := func(first int) {
			for minute := range 60 {
				s.answers(discovery.Answer{Endpoints: distinct(first+minute, 200)})
				sleepAndSettle(time.Minute)
			}
		}
		hour(0)
		if n := len(f.roster.Snapshot().Members); n != 400 {
			t.Errorf("%d endpoints serve; want the list and as many that linger", n)
		}
		before := liveHeap()
		hour(60)
		if grown := liveHeap() - before; grown > 4<<20 {
			t.Errorf("another hour took %d KB", grown>>10)
		}
	})
}

func TestThoseThatLingeredLongestLeaveFirst(t *testing.T) {
	settings := atMost(3)
	settings.removalGrace, settings.maxLoss = time.Hour, 100
	oneSource(t, settings, func(f *fixture, s scriptedSource) {
		s.lists(addresses("abx")...)
		sleepAndSettle(time.Minute)
		s.lists(addresses("bcx")...)
		sleepAndSettle(time.Minute)
		s.lists(addresses("cdx")...)
		sleepAndSettle(time.Minute)
		s.lists(addresses("efx")...)
		f.wantMembers("bcdefx")
	})
}
