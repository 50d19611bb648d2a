package endpoint

import (
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

func rosterOf(p *Pool, addresses ...string) *Roster {
	r := newRoster("web", p, Rules{})
	var infos []listing.Info
	for _, a := range addresses {
		infos = append(infos, listing.Info{Address: a, Weight: 1})
	}
	r.Replace(infos)
	return r
}

func TestWhatHappenedAtAForgottenEndpointStaysInTheTotalsOfItsPool(t *testing.T) {
	p := newPool()
	r := rosterOf(p, "a:1", "b:1")
	for i := range r.Snapshot().Members {
		e := r.Snapshot().Members[i].Endpoint
		e.CountPick("first", FirstChoice)
		e.CountEnding(Answered)
		e.CountEjection(SlowAnswers)
		e.CountCheck(CheckPassed, time.Millisecond)
		e.CountBroken(1)
		e.CountFirstByte(time.Second)
	}
	var before, after Totals
	p.AddTotals(&before)
	if want := 2; before.Attempts() != uint64(want) || before.FirstByte.Count() != uint64(want) {
		t.Fatalf("counted %+v at two endpoints", before)
	}
	p.mu.Lock()
	p.forgetLocked("a:1")
	p.mu.Unlock()
	p.AddTotals(&after)
	if after != before {
		t.Errorf("the totals fell from %+v to %+v", before, after)
	}
}

func TestPicksAreCountedByPolicyAndReason(t *testing.T) {
	p := newPool()
	e := rosterOf(p, "a:1").Snapshot().Members[0].Endpoint
	e.CountPick("first", FirstChoice)
	e.CountPick("second", Overflow)
	e.CountPick("first", FirstChoice)
	got := make(map[string]uint64)
	for _, by := range p.Picks() {
		got[by.Policy] = by.Count(FirstChoice)*10 + by.Count(Overflow)
	}
	if got["first"] != 20 || got["second"] != 1 || len(got) != 2 {
		t.Errorf("picks: %v", got)
	}
}

func TestCountingAnAttemptAllocatesNothing(t *testing.T) {
	e := rosterOf(newPool(), "a:1").Snapshot().Members[0].Endpoint
	count := func() {
		e.CountPick("first", FirstChoice)
		e.CountEnding(Answered)
		e.CountFirstByte(time.Millisecond)
	}
	count() // the first one makes room
	if n := testing.AllocsPerRun(100, count); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestEachEndingReasonAndStateHasAName(t *testing.T) {
	for e := range Ending(EndingCount) {
		if e.Outcome() == "" || e.Reason() == "" {
			t.Errorf("ending %d has no name", e)
		}
	}
	for r := range PickReason(PickReasonCount) {
		_ = r.String() // panics if there are fewer names than reasons
	}
	for c := range EjectionCause(EjectionCauseCount) {
		_ = c.String()
	}
	for r := range CheckResult(CheckResultCount) {
		_ = r.String()
	}
	for s := range State(StateCount) {
		_ = s.String()
	}
}
