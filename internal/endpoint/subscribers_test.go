package endpoint

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestSubscribersAreCalledWithListsThatArePublished(t *testing.T) {
	runPool(t, Rules{}, func(p *runningPool) {
		var lists []string
		stop := p.Roster.Subscribe(func(s *Snapshot) {
			if s != p.Roster.Snapshot() {
				t.Error("the list is not published yet")
			}
			lists = append(lists, serving(s))
		})
		p.replace("a b")
		p.replace("a b") // no change
		p.set("a", ProbeFailed, true)
		p.wait(time.Second)
		stop()
		p.replace("c")
		if want := []string{"", "a b", "b"}; !slices.Equal(lists, want) {
			t.Errorf("called with %q, want %q", lists, want)
		}
	})
}

func TestACatchUpDoesNotWaitForSubscribers(t *testing.T) {
	runPool(t, Rules{}, func(p *runningPool) {
		p.replace("a b")
		built := make(chan struct{})
		var once sync.Once
		first := true
		defer p.Roster.Subscribe(func(*Snapshot) {
			if !first {
				once.Do(func() { <-built }) // the tables of one list take long
			}
			first = false
		})()
		p.set("a", ProbeFailed, true)
		seen := p.wait(time.Second)
		p.set("b", ProbeFailed, true)
		if !p.Roster.CatchUp(seen) || p.Roster.Snapshot().Mode != Open { // in a deadlock the test ends here
			t.Errorf("the mode is %s", p.Roster.Snapshot().Mode)
		}
		close(built)
	})
}

func TestSubscribersAreCalledByTheRosterAfterACatchUp(t *testing.T) {
	runPool(t, Rules{}, func(p *runningPool) {
		p.replace("a b c")
		var last atomic.Value
		defer p.Roster.Subscribe(func(s *Snapshot) { last.Store(serving(s)) })()
		p.set("a", ProbeFailed, true)
		p.wait(time.Millisecond) // the roster has recomputed, and pauses
		p.set("b", ProbeFailed, true)
		if p.Roster.CatchUp(p.Roster.Snapshot()); last.Load() != "b c" {
			t.Errorf("the pick called the subscribers: %q", last.Load())
		}
		if p.wait(time.Second); last.Load() != "c" {
			t.Errorf("the subscribers have %q, want c", last.Load())
		}
	})
}

func TestOfABurstOfListsSubscribersGetTheLatest(t *testing.T) {
	c := acquire(t, 1, t.Name(), "")
	defer c.Release()
	built := make(chan struct{})
	var lists []string
	defer c.Roster.Subscribe(func(s *Snapshot) {
		if lists = append(lists, addresses(s)); len(lists) == 2 {
			<-built
		}
	})()
	var replacing sync.WaitGroup
	for _, address := range []string{"a:1", "b:1", "c:1", "d:1"} {
		replacing.Go(func() { c.Roster.Replace(infos(address)) })
		for addresses(c.Roster.Snapshot()) != address {
			time.Sleep(time.Millisecond)
		}
	}
	close(built)
	replacing.Wait()
	if !slices.Equal(lists, []string{"", "a:1", "d:1"}) {
		t.Errorf("tables were built for %q; only the first list and the last are needed", lists)
	}
}
