package endpoint

import (
	"testing"
	"time"
)

func TestAPickThatFindsNoEndpointCanCatchUp(t *testing.T) {
	runPool(t, Rules{}, func(p *runningPool) {
		p.replace("a b")
		seen := p.Roster.Snapshot()
		if p.Roster.CatchUp(seen) {
			t.Error("CatchUp reports a change, and there was none")
		}
		p.set("a", ProbeFailed, true)
		p.set("b", ProbeFailed, true)
		if !p.Roster.CatchUp(seen) || serving(p.Roster.Snapshot()) != "a b" || p.Roster.Snapshot().Mode != Open {
			t.Errorf("%q serve in mode %s", serving(p.Roster.Snapshot()), p.Roster.Snapshot().Mode)
		}
	})
}

func TestAPickWaitsForSharesThatAreBeingComputed(t *testing.T) {
	runPool(t, Rules{}, func(p *runningPool) {
		p.replace("a b")
		tables := 0
		defer p.Roster.BeforePublish(func(s *Snapshot) {
			if tables++; tables > 1 && !p.Roster.isBehind() {
				t.Error("a pick at this moment would not wait")
			}
		})()
		p.set("a", ProbeFailed, true)
		p.wantServing(time.Second, "b")
		if tables != 2 || p.Roster.isBehind() {
			t.Errorf("%d tables were built; a pick would wait: %t", tables, p.Roster.isBehind())
		}
	})
}

func TestAPickSeesAListThatWasPublishedMeanwhile(t *testing.T) {
	runPool(t, Rules{}, func(p *runningPool) {
		p.replace("a b")
		seen := p.Roster.Snapshot()
		p.set("a", ProbeFailed, true)
		p.wantServing(time.Second, "b")
		if !p.Roster.CatchUp(seen) || p.Roster.CatchUp(p.Roster.Snapshot()) {
			t.Error("CatchUp does not distinguish a snapshot from a newer one")
		}
	})
}

// A pick may come after a change became visible and before the change is complete.
func TestAPickCatchesUpWithAnUnfinishedChange(t *testing.T) {
	runPool(t, Rules{}, func(p *runningPool) {
		p.replace("a b")
		p.wait(time.Second)
		seen := p.Roster.Snapshot()
		pool := seen.Members[0].pool
		pool.changesBegun.Add(1)
		seen.Members[0].conditions.Store(uint32(ProbeFailed))
		if !p.Roster.CatchUp(seen) || serving(p.Roster.Snapshot()) != "b" {
			t.Errorf("%q serve", serving(p.Roster.Snapshot()))
		}
		pool.changesEnded.Add(1)
	})
}
