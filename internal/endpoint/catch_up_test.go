package endpoint

import (
	"testing"
	"time"
)

func TestAPickThatFindsNobodyCanCatchUp(t *testing.T) {
	keeping(t, Rules{}, func(k *kept) {
		k.list("a b")
		seen := k.Roster.Snapshot()
		if k.Roster.CatchUp(seen) {
			t.Error("there was nothing to catch up with")
		}
		k.set("a", ProbeFailed, true)
		k.set("b", ProbeFailed, true)
		if !k.Roster.CatchUp(seen) || serving(k.Roster.Snapshot()) != "a b" || k.Roster.Snapshot().Mode != Open {
			t.Errorf("%q serve in mode %s", serving(k.Roster.Snapshot()), k.Roster.Snapshot().Mode)
		}
	})
}

func TestAPickWaitsForWhatIsBeingWorkedOut(t *testing.T) {
	keeping(t, Rules{}, func(k *kept) {
		k.list("a b")
		tables := 0
		defer k.Roster.Subscribe(func(s *Snapshot) {
			if tables++; tables > 1 && !k.Roster.behind() {
				t.Error("a pick that comes now would not wait")
			}
		})()
		k.set("a", ProbeFailed, true)
		k.wantServing(time.Second, "b")
		if tables != 2 || k.Roster.behind() {
			t.Errorf("%d tables were built; a pick would wait: %t", tables, k.Roster.behind())
		}
	})
}

func TestAPickSeesWhatWasPublishedSinceItLooked(t *testing.T) {
	keeping(t, Rules{}, func(k *kept) {
		k.list("a b")
		seen := k.Roster.Snapshot()
		k.set("a", ProbeFailed, true)
		k.wantServing(time.Second, "b")
		if !k.Roster.CatchUp(seen) || k.Roster.CatchUp(k.Roster.Snapshot()) {
			t.Error("a snapshot is not told from a newer one")
		}
	})
}

// The pick may come between the moment when it can see a change and the one when the change is complete.
func TestAPickCatchesUpWithAChangeThatIsUnderWay(t *testing.T) {
	keeping(t, Rules{}, func(k *kept) {
		k.list("a b")
		k.after(time.Second)
		seen := k.Roster.Snapshot()
		pool := seen.Members[0].pool
		pool.begun.Add(1)
		seen.Members[0].conditions.Store(uint32(ProbeFailed))
		if !k.Roster.CatchUp(seen) || serving(k.Roster.Snapshot()) != "b" {
			t.Errorf("%q serve", serving(k.Roster.Snapshot()))
		}
		pool.ended.Add(1)
	})
}
