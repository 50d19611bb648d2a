package endpoint

import (
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

func TestOneTrialAtATimeWhateverElseIsOpen(t *testing.T) {
	s := Rules{Watched: everything}.snapshot(members("a/t"), 0)
	m := &s.Members[0]
	m.Reserve(0) // a websocket
	if ok, _ := s.Usable(m, nil); !ok {
		t.Fatal("an open websocket prevents a trial")
	}
	now := load.Now()
	first := m.BeginTrial(now)
	if ok, _ := s.Usable(m, nil); ok || first == 0 || m.BeginTrial(now+1) != 0 {
		t.Error("a second trial may begin beside the first")
	}
	m.EndTrial(first)
	if ok, _ := s.Usable(m, nil); !ok {
		t.Error("no trial may begin after the first has ended")
	}
}

func TestATrialThatNeverEndsDoesNotPreventTheNext(t *testing.T) {
	e := members("a/t")[0].Endpoint
	now := load.Now()
	first := e.BeginTrial(now)
	later := now + load.Instant(trialPatience)
	if e.IsTrialDue(later-1) || !e.IsTrialDue(later) {
		t.Error("the next trial is not due exactly when patience is over")
	}
	second := e.BeginTrial(later)
	e.EndTrial(first)
	if second == 0 || e.IsTrialDue(later+1) {
		t.Error("the end of the first trial ended the second")
	}
}

func TestTheLimitOfAHalfOpenEndpointDoesNotShrink(t *testing.T) {
	m := members("a")[0]
	m.Ramp = 0.1
	if m.Limited(50) != 5 {
		t.Errorf("during a slow start the limit of 50 is %d", m.Limited(50))
	}
	if m.halfOpen = true; m.Limited(50) != 50 {
		t.Errorf("while half-open the limit of 50 is %d", m.Limited(50))
	}
}
